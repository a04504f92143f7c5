import { imported } from '../foundation/exports.ts';
import type { Stage } from '../../stages/stage.ts';
import type { WorkQueue } from '../../../lib/rabbitmq/topology/topology.ts';
import { deadLetterQueue, queues } from '../../topology.ts';
import type { Value } from '../template.ts';

const LOCAL_ARN = 'arn:aws:mq:eu-central-1:000000000000:broker:local:b-00000000-0000-0000-0000-000000000000';
const LOCAL_LOGIN = 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:local';

type WorkQueues = Readonly<Record<string, Pick<WorkQueue, 'shards' | 'ordered'>>>;

/** The broker's queues behind a name of the topology; the archive reads the dead letters. */
function queuesNamed(name: string, workQueues: WorkQueues): readonly string[] {
  const known: Readonly<Record<string, readonly string[]>> = {
    ...Object.fromEntries(Object.entries(workQueues).map(([key, { shards }]) => [key, shards])),
    [deadLetterQueue]: [deadLetterQueue],
  };
  const found = known[name];
  if (!found) throw new Error(`no queue "${name}" in infra/topology.ts: there are ${Object.keys(known).join(', ')}`);
  return found;
}

/** How many environments work on each of the broker's queues of `name` at once; throws where its order would not survive it. */
export function concurrencyOf(
  name: string,
  { eventSource: { concurrency } }: Pick<Stage, 'eventSource'>,
  workQueues: WorkQueues = queues,
): number {
  if (typeof concurrency === 'object') for (const named of Object.keys(concurrency)) queuesNamed(named, workQueues);
  const granted = typeof concurrency === 'number' ? concurrency : (concurrency[name] ?? 1);
  if (granted > 1 && workQueues[name]?.ordered)
    throw new Error(
      `eventSource.concurrency is ${granted} for the queue ${name}, which is declared as ordered: several environments ` +
        'cannot keep the order of a key; leave this queue at 1 and give it more shards instead (infra/topology.ts)',
    );
  return granted;
}

/** What the local event source is told of the broker's queues: as many environments as AWS grants, and which keep order per key. */
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

/** The work queue, or the dead letters, that one of the broker's queues belongs to. */
export const queueNameOf = (queue: string, workQueues: WorkQueues = queues): string =>
  Object.entries(workQueues).find(([, { shards }]) => shards.includes(queue))?.[0] ?? queue;

/**
 * The events of the function that consumes `name`: one event source for each of its shards. Never with filter criteria,
 * which discard messages that do not match, and never with a virtual host: `/` is the default, and Lambda refuses to update a
 * mapping whose configuration names one, so that its batch size could never be changed.
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
