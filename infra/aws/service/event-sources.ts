import type { WorkQueue } from 'surehop/topology';

import { imported } from '../foundation/exports.ts';
import type { Stage } from '../../stages/stage.ts';
import { deadLetterQueue, queues } from '../../topology.ts';
import type { Value } from '../template.ts';

const LOCAL_ARN = 'arn:aws:mq:eu-central-1:000000000000:broker:local:b-00000000-0000-0000-0000-000000000000';
const LOCAL_LOGIN = 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:local';

type WorkQueues = Readonly<Record<string, Pick<WorkQueue, 'shards' | 'ordered'>>>;

function queuesNamed(name: string, workQueues: WorkQueues): readonly string[] {
  const known: Readonly<Record<string, readonly string[]>> = {
    ...Object.fromEntries(Object.entries(workQueues).map(([key, { shards }]) => [key, shards])),
    [deadLetterQueue]: [deadLetterQueue],
  };
  const found = known[name];
  const declaredQueues = Object.keys(known).join(', ');
  if (!found) throw new Error(`there is no queue "${name}" in infra/topology.ts, which declares ${declaredQueues}`);
  return found;
}

/**
 * Returns how many Lambda execution environments can process messages of one shard of a queue at the same time. Throws
 * an error if this number is above 1 for an ordered queue.
 */
export function concurrencyOf(
  name: string,
  { eventSource: { concurrency } }: Pick<Stage, 'eventSource'>,
  workQueues: WorkQueues = queues,
): number {
  if (typeof concurrency === 'object') for (const named of Object.keys(concurrency)) queuesNamed(named, workQueues);
  const granted = typeof concurrency === 'number' ? concurrency : (concurrency[name] ?? 1);
  if (granted > 1 && workQueues[name]?.ordered)
    throw new Error(
      `eventSource.concurrency is ${granted} for the queue ${name}, which keeps order per key: several Lambda execution environments cannot keep the order, so set the concurrency of this queue to 1, and add shards in infra/topology.ts instead`,
    );
  return granted;
}

/**
 * Returns the settings of the local event source: the concurrency of each queue, and the names of the queues that are
 * declared with `ordered: true`.
 */
export function emulatedEventSources(stage: Pick<Stage, 'eventSource'>, workQueues: WorkQueues = queues): Value {
  const names = [...Object.keys(workQueues), deadLetterQueue];
  const concurrency = Object.fromEntries(
    names.flatMap((name) =>
      queuesNamed(name, workQueues).map((queue) => [queue, concurrencyOf(name, stage, workQueues)]),
    ),
  );
  const ordered = Object.values(workQueues).flatMap(({ ordered: isOrdered, shards }) => (isOrdered ? shards : []));
  return { concurrency, ordered };
}

/** Returns the name of the work queue that a shard belongs to. For any other queue, returns the name of that queue. */
export const queueNameOf = (queue: string, workQueues: WorkQueues = queues): string =>
  Object.entries(workQueues).find(([, { shards }]) => shards.includes(queue))?.[0] ?? queue;

/**
 * Returns the `rabbitmq` events of the function that consumes a queue: one event source per shard. The events have no
 * filter criteria, because AWS discards messages that do not match filter criteria.
 */
export function eventSources(
  name: string,
  stageName: string,
  stage: Pick<Stage, 'eventSource'>,
  workQueues: WorkQueues = queues,
): Value[] {
  const { eventSource } = stage;
  const isLocal = stageName === 'local';
  concurrencyOf(name, stage, workQueues);
  return queuesNamed(name, workQueues).map((queue) => ({
    rabbitmq: {
      arn: isLocal ? LOCAL_ARN : imported(stageName, 'broker-arn'),
      basicAuthArn: isLocal ? LOCAL_LOGIN : imported(stageName, 'consumer-login'),
      queue,
      batchSize: eventSource.batchSize,
      maximumBatchingWindow: eventSource.windowSeconds,
    },
  }));
}
