import type { Context } from 'aws-lambda';

import { lazyPublisher } from '../broker/lazy-publisher.ts';
import type { Publisher } from '../broker/publisher.ts';
import type { WorkQueue } from '../broker/topology.ts';
import { systemClock, type Clock } from '../clock.ts';
import { config, type Config } from '../config.ts';
import type { EventDefinition } from '../event.ts';
import type { Inbox } from '../inbox/inbox.ts';
import { readItem } from '../inbox/read-item.ts';
import { inbox, store } from '../inbox/store.ts';
import { log } from '../log.ts';
import { commitAll } from './commit.ts';
import { decideAll } from './decide.ts';
import { decode, type RabbitMqEvent } from './delivery.ts';
import { dropKnown } from './drop-known.ts';
import { emitAll } from './emit.ts';
import { BatchUnfinishedError, reportOf, type BatchReport } from './report.ts';
import type { Decide, Perform, Rule, RuleContext } from './rule.ts';
import { settleAll } from './settle.ts';
import { tell } from './tell.ts';
import { admit, followTwins, pairTwins, type Work } from './work.ts';

/** Which queue a consumer works on, and what it does with each kind of event. */
export type ConsumerDefinition<T> = { readonly queue: WorkQueue } & (
  | { readonly event: EventDefinition<T>; readonly decide: Decide<T> }
  | { readonly event: EventDefinition<T>; readonly perform: Perform<T> }
  | { readonly rules: readonly Rule[] }
);

/** What a consumer works with; a test brings its own. */
export interface ConsumerParts {
  readonly inbox: Inbox;
  readonly publisher: Publisher;
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
  const { queue } = definition;
  const rules: readonly Rule[] = 'rules' in definition ? definition.rules : [definition];

  return async (event: RabbitMqEvent, context: RemainingTime): Promise<BatchReport> => {
    const { inbox, publisher, clock, config, read } = parts;
    const startedAtMs = clock.now();
    const timeLeftMs = () => context.getRemainingTimeInMillis();
    const reservedMs = timeLeftMs() * RESERVED;
    const commitSignal = AbortSignal.timeout(Math.max(Math.floor(timeLeftMs() - reservedMs / 2), 1));
    const deadlineMs = () => Math.max(Math.min(config.PUBLISH_DEADLINE_MS, timeLeftMs() - reservedMs / 10), 1);

    const works: Work[] = decode(event).map((delivery) => admit(delivery, rules));
    pairTwins(works);
    await dropKnown(works, queue.name, inbox);
    await decideAll(works, {
      queue,
      inbox,
      read,
      timeLimitMs: config.MESSAGE_TIME_LIMIT_MS,
      concurrency: config.BATCH_CONCURRENCY,
      timeLeftMs: () => timeLeftMs() - reservedMs,
    });
    await commitAll(works, queue, inbox, commitSignal);
    await emitAll(works, publisher, { clock, appId: config.SERVICE_NAME, deadlineMs: deadlineMs() });
    await settleAll(works, queue, { publisher, inbox, clock, deadlineMs: deadlineMs(), warn });
    followTwins(works);

    const report = reportOf(queue, works);
    tell(report, works, clock.now() - startedAtMs);
    if (report.counts.unfinished > 0) throw new BatchUnfinishedError(report);
    return report;
  };
}

const warn = (message: string, error: unknown) => log().warn(message, error as Error);

const ambient = (): ConsumerParts => ({
  inbox: inbox(),
  publisher: lazyPublisher(),
  clock: systemClock,
  config: config(),
  read: (table, key) => readItem(store(), config().TABLE_PREFIX, table, key),
});
