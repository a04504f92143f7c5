import { connectionQuota } from '../../foundation/quota.ts';
import type { Stage } from '../../../stages/stage.ts';
import type { AlarmDefinition, Metric, MetricOf } from '../alarm.ts';

const MAX_CONNECTIONS_PERCENT = 85;

/**
 * Returns a metric that Amazon MQ publishes for the broker. For a cluster, the value of the metric is the total of all
 * nodes.
 */
export const brokerMetric =
  (brokerName: string) =>
  (name: string, statistic: string): Metric => ({
    namespace: 'AWS/AmazonMQ',
    name,
    statistic,
    dimensions: { Broker: brokerName },
  });

/**
 * Returns the alarms of the broker. Most of them use metrics that the function `report-queues` records for the worst
 * node, because one node over its limit blocks all publishers.
 */
export function brokerAlarms(brokerName: string, own: MetricOf, stage: Pick<Stage, 'broker'>): AlarmDefinition[] {
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
            // Amazon MQ chooses the names of nodes, so a query selects their metrics.
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
        'A node has raised its memory or disk alarm, so the broker blocks all publishers and requests that publish are answered with 503. Runbook: a full queue.',
      severity: 'critical',
      metrics: { blocking: own('BrokerNodesBlocking', 'Maximum') },
      comparison: 'at least',
      threshold: 1,
      periods: 1,
    },
    {
      name: 'broker-node-down',
      description:
        'A node of the broker has been down for ten minutes, longer than a patch takes. If a second node fails, every queue stops. Runbook: a node that is down.',
      severity: 'critical',
      metrics: { down: own('BrokerNodesDown', 'Maximum') },
      comparison: 'at least',
      threshold: 1,
      periods: 10,
    },
    {
      name: 'broker-partitioned',
      description: 'The nodes of the broker cannot reach each other. Runbook: a node that is down.',
      severity: 'critical',
      metrics: { partitioned: own('BrokerNodesPartitioned', 'Maximum') },
      comparison: 'at least',
      threshold: 1,
      periods: 3,
    },
    {
      name: 'broker-connections',
      description: `A node of the broker has more than ${MAX_CONNECTIONS_PERCENT} % of its ${perNode} connections in use. Runbook: too many connections.`,
      severity: 'warning',
      metrics: { connections: own('BrokerNodeConnections', 'Maximum') },
      comparison: 'above',
      threshold: Math.floor((perNode * MAX_CONNECTIONS_PERCENT) / 100),
      periods: 3,
    },
    {
      name: 'broker-silent',
      description:
        'Amazon MQ has published no metrics of the broker for ten minutes: the broker is restarting or unavailable. Runbook: a node that is down.',
      severity: 'critical',
      metrics: { connections: ofBroker('ConnectionCount', 'Maximum') },
      silence: { isReadAs: -1 },
      comparison: 'below',
      threshold: 0,
      periods: 10,
    },
  ];
}
