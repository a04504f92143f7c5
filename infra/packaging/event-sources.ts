import { imported } from '../broker/exports.ts';
import type { Stage } from '../stages/stage.ts';
import type { WorkQueue } from '../../lib/broker/topology.ts';
import { deadLetterQueue, queues } from '../topology.ts';
import type { Value } from './template.ts';

const LOCAL_ARN = 'arn:aws:mq:eu-central-1:000000000000:broker:local:b-00000000-0000-0000-0000-000000000000';
const LOCAL_LOGIN = 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:local';

type WorkQueues = Readonly<Record<string, Pick<WorkQueue, 'shards'>>>;

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

/**
 * The events of the function that consumes `name`: one event source for each of its shards. Never with filter criteria,
 * which discard messages that do not match, and never with a virtual host: `/` is the default, and Lambda refuses to update a
 * mapping whose configuration names one, so that its batch size could never be changed.
 */
export function eventSources(
  name: string,
  stageName: string,
  { eventSource }: Pick<Stage, 'eventSource'>,
  workQueues: WorkQueues = queues,
): Value[] {
  const isLocal = stageName === 'local';
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
