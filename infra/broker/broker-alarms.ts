import type { AlarmDefinition, Metric } from '../packaging/alarm.ts';
import type { Stage } from '../stages/stage.ts';
import { connectionQuota } from './quota.ts';

/** The share of the connections in percent from which on it gets tight. */
const TIGHT_PERCENT = 85;

/**
 * The infrastructure's layer: what Amazon MQ tells of the broker
 * (https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-logging-monitoring.html).
 */
export function brokerAlarms(brokerName: string, stage: Pick<Stage, 'broker'>): AlarmDefinition[] {
  const metric = (name: string, statistic: string): Metric => ({
    namespace: 'AWS/AmazonMQ',
    name,
    statistic,
    dimensions: { Broker: brokerName },
  });
  const quota = connectionQuota(stage).inAll;
  return [
    {
      name: 'broker-cpu',
      description: 'The broker has used more than 80 % of its processors for ten minutes. Runbook: a full queue.',
      severity: 'warning',
      metrics: { cpu: metric('SystemCpuUtilization', 'Average') },
      comparison: 'above',
      threshold: 80,
      periods: 10,
    },
    {
      name: 'broker-memory',
      description:
        'The broker uses more than 80 % of the memory at which it blocks every publisher. Runbook: a full queue.',
      severity: 'critical',
      metrics: { used: metric('RabbitMQMemUsed', 'Maximum'), limit: metric('RabbitMQMemLimit', 'Minimum') },
      expression: '100 * used / limit',
      comparison: 'above',
      threshold: 80,
      periods: 3,
    },
    {
      name: 'broker-disk',
      description:
        'The broker has less than twice the free disk at which it blocks every publisher. Runbook: a full queue.',
      severity: 'critical',
      metrics: { free: metric('RabbitMQDiskFree', 'Minimum'), limit: metric('RabbitMQDiskFreeLimit', 'Maximum') },
      expression: 'free / limit',
      comparison: 'below',
      threshold: 2,
      periods: 3,
    },
    {
      name: 'broker-blocks-publishers',
      description:
        'The broker has raised its memory or disk alarm: it takes nothing from anybody, orders are answered 503. Runbook: a full queue.',
      severity: 'critical',
      metrics: {
        used: metric('RabbitMQMemUsed', 'Maximum'),
        memory: metric('RabbitMQMemLimit', 'Minimum'),
        free: metric('RabbitMQDiskFree', 'Minimum'),
        disk: metric('RabbitMQDiskFreeLimit', 'Maximum'),
      },
      expression: 'IF(used >= memory OR free <= disk, 1, 0)',
      comparison: 'at least',
      threshold: 1,
      periods: 1,
    },
    {
      name: 'broker-connections',
      description: `More than ${TIGHT_PERCENT} % of the ${quota} connections that the broker takes are in use. Runbook: too many connections.`,
      severity: 'warning',
      metrics: { connections: metric('ConnectionCount', 'Maximum') },
      comparison: 'above',
      threshold: Math.floor((quota * TIGHT_PERCENT) / 100),
      periods: 3,
    },
    {
      name: 'broker-silent',
      description: 'Amazon MQ has told nothing of the broker for ten minutes: it is being restarted, or it is gone.',
      severity: 'critical',
      metrics: { connections: metric('ConnectionCount', 'Maximum') },
      comparison: 'below',
      threshold: 0,
      periods: 10,
      missing: 'bad',
    },
  ];
}
