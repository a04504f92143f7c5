import { setMaxListeners } from 'node:events';

import type { Context } from 'aws-lambda';

import { lazyPublisher } from '../rabbitmq/lazy-publisher.ts';
import type { Publisher } from '../rabbitmq/publisher.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { config, type Config } from '../runtime/config.ts';
import { MisconfiguredError } from '../runtime/errors.ts';
import type { EventDefinition } from '../events/define.ts';
import { mayBeForgotten } from '../inbox/remembered.ts';
import { readItem } from '../dynamodb/read-item.ts';
import { reportMisconfigured } from '../dynamodb/report-misconfigured.ts';
import { processInboxTable } from '../inbox/process-inbox.ts';
import { store } from '../dynamodb/store.ts';
import { undeployedTables } from '../dynamodb/tables.ts';
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
import { dynamoDbPorts, type ConsumerPorts } from './ports.ts';
import { recordProgress } from './progress.ts';
import { BatchUnfinishedError, reportOf, type BatchReport } from './report.ts';
import type { Decide, Perform, Rule, RuleContext } from './rule.ts';
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

/** What a consumer works with; a test brings its own. */
export interface ConsumerParts extends ConsumerPorts {
  readonly publisher: Publisher;
  readonly archiveLetter: Batch['archiveLetter'];
  readonly clock: Clock;
  readonly config: Config;
  readonly read: RuleContext['read'];
}

type RemainingTime = Pick<Context, 'getRemainingTimeInMillis'>;

/** The part of an invocation's time that is kept for committing and settling. */
const RESERVED = 0.25;

/**
 * A Lambda handler for one queue of Amazon MQ for RabbitMQ. Each message of the batch is done exactly once, or placed for
 * a retry, or dead-lettered, and its neighbours never notice. Resolves with a report once nothing is left to do; rejects
 * with `BatchUnfinishedError` where the whole batch must come again.
 */
export function consumer<T>(definition: ConsumerDefinition<T>, parts: ConsumerParts = ambient()) {
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
function aBatch(queue: WorkQueue, memory: Memory, { config, ...parts }: ConsumerParts, context: RemainingTime): Batch {
  const timeLeftMs = () => context.getRemainingTimeInMillis();
  const reservedMs = timeLeftMs() * RESERVED;
  const commitSignal = AbortSignal.timeout(Math.max(Math.floor(timeLeftMs() - reservedMs / 2), 1));
  // Many requests of a batch listen to the one signal: no leak.
  setMaxListeners(0, commitSignal);
  return {
    ...parts,
    queue,
    memory,
    isForgotten: (publishedAt) => mayBeForgotten(config, publishedAt),
    appId: config.SERVICE_NAME,
    timeLimitMs: config.MESSAGE_TIME_LIMIT_MS,
    concurrency: config.BATCH_CONCURRENCY,
    timeLeftMs: () => timeLeftMs() - reservedMs,
    invocationLeftMs: timeLeftMs,
    commitSignal,
    publishDeadlineMs: () => Math.max(Math.min(config.PUBLISH_DEADLINE_MS, timeLeftMs() - reservedMs / 10), 1),
    warn,
  };
}

const warn = (message: string, error: unknown) => log().warn(message, error as Error);

/** Throws at the start of a function, not at its first message, where the deployment lacks a table that the code defines. */
function requireTables(): void {
  const { DEPLOYED_TABLES } = config();
  const missing = DEPLOYED_TABLES ? undeployedTables(DEPLOYED_TABLES) : [];
  if (missing.length === 0) return;
  const message = `the code defines tables that this deployment does not have: ${missing.join(', ')}; it has ${DEPLOYED_TABLES?.join(', ')}`;
  throw reportMisconfigured(new MisconfiguredError('TABLE_MISSING', message, { tables: missing }));
}

/** What a deployed function works with. */
function ambient(): ConsumerParts {
  requireTables();
  return {
    ...dynamoDbPorts(processInboxTable()),
    publisher: lazyPublisher(),
    archiveLetter: async (...letter) =>
      (await import('../dead-letters/store-dead-letter.ts')).storeDeadLetter(...letter),
    clock: systemClock,
    config: config(),
    read: (table, key) => readItem(store(), config().TABLE_PREFIX, table, key),
  };
}
