import type { Topology } from 'surehop/topology';

import type { Stage } from '../../../stages/stage.ts';
import type { AlarmDefinition, MetricOf } from '../alarm.ts';

const FULL_PERCENT = 80;

/**
 * The names of the queues that have alarms. `consumed` contains every queue that an event source reads, and
 * `workQueues` contains the same queues except the dead-letter queue.
 */
interface Subject {
  readonly consumed: readonly string[];
  readonly workQueues: readonly string[];
  readonly topology: Topology;
}

/** Returns the alarms of the queues. The alarms use metrics that the function `report-queues` publishes. */
export function queueAlarms(
  { consumed, workQueues, topology }: Subject,
  own: MetricOf,
  { alarms }: Pick<Stage, 'alarms'>,
): AlarmDefinition[] {
  // The first shard has the name of the queue, and all shards have the same maximum length.
  const lengthOf = (queue: string) => {
    const length = topology.queues.find(({ name }) => name === queue)?.arguments['x-max-length'];
    if (typeof length !== 'number')
      throw new Error(
        `infra/topology.ts sets no x-max-length for the queue ${queue}: add it, because the alarms of the queue need it`,
      );
    return length;
  };
  const ofEvery = consumed.flatMap((queue): AlarmDefinition[] => [
    {
      name: `queue-${queue}-without-consumer`,
      description: `The queue ${queue} has had no consumer for five minutes. Runbook: a stopped event source.`,
      severity: 'critical',
      metrics: { consumers: own('QueueConsumers', 'Maximum', { queue }) },
      comparison: 'below',
      threshold: 1,
      periods: 5,
    },
    {
      name: `queue-${queue}-full`,
      description: `The queue ${queue}, or one of its shards, has reached ${FULL_PERCENT} % of its maximum length; a full queue refuses publishers. Runbook: a full queue.`,
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
      description: `More than ${alarms.queueDepth} messages have been waiting in ${queue} for five minutes. Runbook: a full queue.`,
      severity: 'warning',
      metrics: { ready: own('QueueReady', 'Minimum', { queue }) },
      comparison: 'above',
      threshold: alarms.queueDepth,
      periods: 5,
    },
    {
      name: `queue-${queue}-slow`,
      description: `One message in ten of ${queue} takes more than ${alarms.timeToOutcomeMs} ms from publication until its consumer has completed or rejected it. Runbook: a full queue.`,
      severity: 'warning',
      metrics: { time: own('TimeToOutcome', 'p90', { queue }) },
      comparison: 'above',
      threshold: alarms.timeToOutcomeMs,
      periods: 5,
    },
    {
      name: `queue-${queue}-dead-letter`,
      description: `A message of ${queue} was dead-lettered and archived. GET /dead-letters shows the reason. Runbook: many dead letters.`,
      severity: 'warning',
      metrics: { letters: own('DeadLettersArchived', 'Sum', { queue }) },
      comparison: 'at least',
      threshold: 1,
      periodSeconds: 300,
      periods: 1,
    },
    {
      name: `queue-${queue}-dead-letters`,
      description: `At least ${alarms.deadLetters} messages of ${queue} were dead-lettered within five minutes. Runbook: many dead letters.`,
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
        'The queues and nodes of the broker could not be read for five minutes, so the other alarms of queues and broker have no data. The log of report-queues contains the error. Runbook: missing queue metrics.',
      severity: 'critical',
      metrics: { failed: own('QueueReportFailed', 'Maximum') },
      silence: { isReadAs: 1 },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
    },
  ];
}
