import { connectionQuota } from '../../foundation/quota.ts';
import type { Stage } from '../../../stages/stage.ts';
import type { AlarmDefinition, Metric } from '../alarm.ts';

/** The share of a node's connections in percent from which on it gets tight. */
const TIGHT_PERCENT = 85;

type Own = (name: string, statistic: string) => Metric;

/** A metric that Amazon MQ writes of the broker: on a cluster the total of its nodes. */
export const brokerMetric =
  (brokerName: string) =>
  (name: string, statistic: string): Metric => ({
    namespace: 'AWS/AmazonMQ',
    name,
    statistic,
    dimensions: { Broker: brokerName },
  });

/**
 * The infrastructure's layer of alarms. They look at the worst node, of which `report-queues` tells: one node over its limit
 * blocks the publishers of all, and Amazon MQ's metrics of a broker are totals
 * (https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-logging-monitoring.html).
 */
export function brokerAlarms(brokerName: string, own: Own, stage: Pick<Stage, 'broker'>): AlarmDefinition[] {
  const ofBroker = brokerMetric(brokerName);
  const isCluster = stage.broker.deployment === 'CLUSTER_MULTI_AZ';
  const { perNode } = connectionQuota(stage);
  return [
    {
      name: 'broker-cpu',
      description:
        'A node of the broker has used more than 80 % of its processors for ten minutes. Runbook: a full queue.',
      severity: 'warning',
      ...(isCluster
        ? {
            // Nodes have names of Amazon MQ's, so that no metric of one can be named here.
            query: `SELECT MAX(SystemCpuUtilization) FROM SCHEMA("AWS/AmazonMQ", Broker, Node) WHERE Broker = '${brokerName}'`,
          }
        : { metrics: { cpu: ofBroker('SystemCpuUtilization', 'Average') } }),
      comparison: 'above',
      threshold: 80,
      periods: 10,
    },
    {
      name: 'broker-memory',
      description:
        'A node of the broker uses more than 80 % of the memory at which it blocks every publisher. Runbook: a full queue.',
      severity: 'critical',
      metrics: { memory: own('BrokerNodeMemoryPercent', 'Maximum') },
      comparison: 'above',
      threshold: 80,
      periods: 3,
    },
    {
      name: 'broker-disk',
      description:
        'A node of the broker has less than twice the free disk at which it blocks every publisher. Runbook: a full queue.',
      severity: 'critical',
      metrics: { disk: own('BrokerNodeDiskRatio', 'Minimum') },
      comparison: 'below',
      threshold: 2,
      periods: 3,
    },
    {
      name: 'broker-blocks-publishers',
      description:
        'A node has raised its memory or disk alarm, so that the broker takes nothing from anybody: orders are answered 503. Runbook: a full queue.',
      severity: 'critical',
      metrics: { blocking: own('BrokerNodesBlocking', 'Maximum') },
      comparison: 'at least',
      threshold: 1,
      periods: 1,
    },
    {
      name: 'broker-node-down',
      description:
        'A node of the broker has not been running for ten minutes, longer than a patch takes. A second one would stop every queue. Runbook: a node that is down.',
      severity: 'critical',
      metrics: { down: own('BrokerNodesDown', 'Maximum') },
      comparison: 'at least',
      threshold: 1,
      periods: 10,
    },
    {
      name: 'broker-partitioned',
      description: 'Nodes of the broker do not see each other. Runbook: a node that is down.',
      severity: 'critical',
      metrics: { partitioned: own('BrokerNodesPartitioned', 'Maximum') },
      comparison: 'at least',
      threshold: 1,
      periods: 3,
    },
    {
      name: 'broker-connections',
      description: `A node of the broker has more than ${TIGHT_PERCENT} % of the ${perNode} connections that it takes. Runbook: too many connections.`,
      severity: 'warning',
      metrics: { connections: own('BrokerNodeConnections', 'Maximum') },
      comparison: 'above',
      threshold: Math.floor((perNode * TIGHT_PERCENT) / 100),
      periods: 3,
    },
    {
      name: 'broker-silent',
      description: 'Amazon MQ has told nothing of the broker for ten minutes: it is being restarted, or it is gone.',
      severity: 'critical',
      metrics: { connections: ofBroker('ConnectionCount', 'Maximum') },
      silence: { isReadAs: -1 },
      comparison: 'below',
      threshold: 0,
      periods: 10,
    },
  ];
}
