import { setMaxListeners } from 'node:events';

import type { Context } from 'aws-lambda';

import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Surehop } from '../runtime/surehop.ts';
import type { EventDefinition } from '../events/define.ts';
import { mayBeForgotten } from '../inbox/remembered.ts';
import { log } from '../runtime/log.ts';
import type { Batch } from './batch.ts';
import { commitAll } from './commit.ts';
import { decideAll } from './decide.ts';
import { decode, type RabbitMqEvent } from './delivery.ts';
import { dropKnown, rememberDone } from './drop-known.ts';
import { emitAll } from './emit.ts';
import { inOrder, oldestFirst } from '../ordering/in-order.ts';
import { failWithoutKey, giveKeys, type KeyOf } from '../ordering/sequences.ts';
import { newMemory, type Memory } from './memory.ts';
import { closeBatch, openBatch } from '../ordering/open-batch.ts';
import { recordProgress } from './progress.ts';
import { BatchUnfinishedError, reportOf, type BatchReport } from './report.ts';
import { partsOf, type ConsumerParts } from './parts.ts';
import type { Decide, Perform, Rule } from './rule.ts';
import { placeAll, placePostponed, settleFailed } from './settle.ts';
import { endAttempts, noteSurvival, runSuspects, suspectsOf } from '../crash-loop/isolate.ts';
import { tell } from './tell.ts';
import { admit, followTwins, newWork, open, pairTwins, type Work } from './work.ts';

/** Which queue a consumer works on, and what it does with each kind of event. */
export type ConsumerDefinition<T> = {
  readonly queue: WorkQueue;
  /** Messages with the same key are done one after another, in the order of their arrival; without it, all side by side. */
  readonly orderBy?: KeyOf;
} & (
  | { readonly event: EventDefinition<T>; readonly decide: Decide<T> }
  | { readonly event: EventDefinition<T>; readonly perform: Perform<T> }
  | { readonly rules: readonly Rule[] }
);

type RemainingTime = Pick<Context, 'getRemainingTimeInMillis'>;

/** The part of an invocation's time that is kept for committing and settling. */
const RESERVED = 0.25;

/**
 * A Lambda handler for one queue of Amazon MQ for RabbitMQ. Each message of the batch is done exactly once, or placed for
 * a retry, or dead-lettered, and its neighbours never notice. Resolves with a report once nothing is left to do; rejects
 * with `BatchUnfinishedError` where the whole batch must come again.
 */
export const consumer = <T>(surehop: Surehop, definition: ConsumerDefinition<T>) =>
  createConsumer(definition, partsOf(surehop));

/** A consumer with clients of the caller's own. */
export function createConsumer<T>(definition: ConsumerDefinition<T>, parts: ConsumerParts) {
  const { queue, orderBy } = definition;
  if (orderBy && !queue.ordered)
    throw new Error(
      `the consumer of the queue ${queue.name} has orderBy, but the queue is not declared as ordered: declare it with workQueue('${queue.name}', { ordered: true })`,
    );
  if (queue.ordered && !orderBy)
    throw new Error(
      `the queue ${queue.name} is declared as ordered, but its consumer has no orderBy: add orderBy to the consumer, or declare the queue without ordered`,
    );
  const rules: readonly Rule[] = 'rules' in definition ? definition.rules : [definition];
  const memory = newMemory();

  return async (event: RabbitMqEvent, context: RemainingTime): Promise<BatchReport> => {
    const { clock } = parts;
    const startedAtMs = clock.now();
    const batch = aBatch(queue, memory, parts, context);
    const finish = async (works: readonly Work[]) => {
      await (orderBy ? inOrder(works, batch, (next) => perform(next, batch)) : perform(works, batch));
      await emitAll(works, batch);
      await settleFailed(works, batch);
    };

    const deliveries = orderBy ? oldestFirst(decode(event)) : decode(event);
    const works = deliveries.map(newWork);
    if (orderBy) {
      admit(works, rules);
      giveKeys(works, orderBy);
    }
    const begun = orderBy && (await openBatch(works, batch));
    await dropKnown(works, batch);
    admit(works, rules);
    if (orderBy) failWithoutKey(works, queue);
    pairTwins(works);
    const suspects = new Set<Work>(suspectsOf(open(works), memory));
    const hopeless = new Set(works.filter(({ outcome }) => outcome?.is === 'dead-letter'));
    // What no rule needs to look at is placed while the rest is worked on.
    await Promise.all([
      finish(works.filter((work) => !suspects.has(work) && !hopeless.has(work))),
      placeAll([...hopeless], batch),
    ]);
    if (suspects.size > 0) await runSuspects([...suspects], batch, finish);
    else await endAttempts([], batch);
    await placePostponed(works, batch);
    followTwins(works);
    if (begun) await closeBatch(works, begun, batch);
    noteSurvival(works, memory);
    rememberDone(works, memory);
    await recordProgress(works, batch);

    const report = reportOf(queue, works);
    tell(report, works, clock.now() - startedAtMs, clock.now());
    if (report.counts.unfinished > 0) throw new BatchUnfinishedError(report);
    return report;
  };
}

async function perform(works: readonly Work[], batch: Batch): Promise<void> {
  await decideAll(works, batch);
  await commitAll(works, batch);
}

/** A share of the invocation's time is kept: deciding ends first, then committing, and placing has the last of it. */
function aBatch(
  queue: WorkQueue,
  memory: Memory,
  { settings, ...parts }: ConsumerParts,
  context: RemainingTime,
): Batch {
  const timeLeftMs = () => context.getRemainingTimeInMillis();
  const reservedMs = timeLeftMs() * RESERVED;
  const commitSignal = AbortSignal.timeout(Math.max(Math.floor(timeLeftMs() - reservedMs / 2), 1));
  // Many requests of a batch listen to the one signal: no leak.
  setMaxListeners(0, commitSignal);
  return {
    ...parts,
    queue,
    memory,
    isForgotten: (publishedAt) => mayBeForgotten(settings, publishedAt),
    appId: settings.SERVICE_NAME,
    timeLimitMs: settings.MESSAGE_TIME_LIMIT_MS,
    concurrency: settings.BATCH_CONCURRENCY,
    timeLeftMs: () => timeLeftMs() - reservedMs,
    invocationLeftMs: timeLeftMs,
    commitSignal,
    publishDeadlineMs: () => Math.max(Math.min(settings.PUBLISH_DEADLINE_MS, timeLeftMs() - reservedMs / 10), 1),
    warn,
  };
}

const warn = (message: string, error: unknown) => log().warn(message, error as Error);
