import type { Topology } from '../../../../lib/rabbitmq/topology/topology.ts';
import type { Stage } from '../../../stages/stage.ts';
import type { AlarmDefinition, Metric } from '../alarm.ts';

/** The share of a queue's length in percent at which it is as good as full. */
const FULL_PERCENT = 80;

type Own = (name: string, statistic: string, dimensions?: Readonly<Record<string, string>>) => Metric;

/** What is looked at: the queues that an event source reads, of which `workQueues` are worked on. */
interface Subject {
  readonly consumed: readonly string[];
  readonly workQueues: readonly string[];
  readonly topology: Topology;
}

/** The alarms of the queues; CloudWatch itself knows nothing of them, `report-queues` does. */
export function queueAlarms(
  { consumed, workQueues, topology }: Subject,
  own: Own,
  { alarms }: Pick<Stage, 'alarms'>,
): AlarmDefinition[] {
  // The first shard has the name of the queue, and all have the same length.
  const lengthOf = (queue: string) => {
    const length = topology.queues.find(({ name }) => name === queue)?.arguments['x-max-length'];
    if (typeof length !== 'number') throw new Error(`the queue ${queue} has no x-max-length in infra/topology.ts`);
    return length;
  };
  const ofEvery = consumed.flatMap((queue): AlarmDefinition[] => [
    {
      name: `queue-${queue}-without-consumer`,
      description: `Nobody has read from the queue ${queue} for five minutes. Runbook: a stopped event source.`,
      severity: 'critical',
      metrics: { consumers: own('QueueConsumers', 'Maximum', { queue }) },
      comparison: 'below',
      threshold: 1,
      periods: 5,
    },
    {
      name: `queue-${queue}-full`,
      description: `The queue ${queue}, or a shard of it, holds ${FULL_PERCENT} % of what it may; full, it refuses publishers. Runbook: a full queue.`,
      severity: 'critical',
      metrics: {
        fullest: own('QueueFullest', 'Maximum', { queue }),
      },
      comparison: 'above',
      threshold: (lengthOf(queue) * FULL_PERCENT) / 100,
      periods: 1,
    },
  ]);
  const ofWork = workQueues.flatMap((queue): AlarmDefinition[] => [
    {
      name: `queue-${queue}-deep`,
      description: `More than ${alarms.queueDepth} messages have waited in ${queue} for five minutes. Runbook: a full queue.`,
      severity: 'warning',
      metrics: { ready: own('QueueReady', 'Minimum', { queue }) },
      comparison: 'above',
      threshold: alarms.queueDepth,
      periods: 5,
    },
    {
      name: `queue-${queue}-dead-letter`,
      description: `A message of ${queue} is in the archive of dead letters. GET /dead-letters says why.`,
      severity: 'warning',
      metrics: { letters: own('DeadLettersArchived', 'Sum', { queue }) },
      comparison: 'at least',
      threshold: 1,
      periodSeconds: 300,
      periods: 1,
    },
    {
      name: `queue-${queue}-dead-letters`,
      description: `${alarms.deadLetters} messages of ${queue} and more were dead-lettered within five minutes. Runbook: a poison flood.`,
      severity: 'critical',
      metrics: { letters: own('DeadLettersArchived', 'Sum', { queue }) },
      comparison: 'at least',
      threshold: alarms.deadLetters,
      periodSeconds: 300,
      periods: 1,
    },
  ]);
  return [
    ...ofEvery,
    ...ofWork,
    {
      name: 'queues-unread',
      description:
        'The broker could not be asked for its queues and nodes for five minutes: the other alarms of queues and broker are blind. The log of report-queues says why.',
      severity: 'critical',
      metrics: { failed: own('QueueReportFailed', 'Maximum') },
      silence: { isReadAs: 1 },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
    },
  ];
}
