import type { toolkitMetrics } from 'surehop';

import { brokerMetric } from './alarms/broker-alarms.ts';
import type { MetricOf } from './alarm.ts';
import type { Chart, Section } from './dashboard.ts';
import type { Kind } from '../serverless.ts';

interface Subject {
  readonly brokerName: string;
  readonly functions: readonly { readonly key: string; readonly functionName: string; readonly kind: Kind }[];
  readonly queues: readonly string[];
  readonly delayQueues: readonly string[];
  readonly own: MetricOf;
  /** The charts of business metrics that the service declares. */
  readonly business: readonly Chart[];
}

type Table = typeof toolkitMetrics;

type QueueMetric = {
  [N in keyof Table]: Table[N]['dimensions'] extends readonly ['queue'] ? N : never;
}[keyof Table];

type NodeMetric = Extract<keyof Table, `BrokerNode${string}`>;

/** Returns the sections of the CloudWatch dashboard: business, application, queues and broker. */
export function dashboardSections({ brokerName, functions, queues, delayQueues, own, business }: Subject): Section[] {
  const ofBroker = brokerMetric(brokerName);
  const broker = (name: string, statistic: string) => ({ ...ofBroker(name, statistic), label: name });
  const worst = (name: NodeMetric, statistic: string) => ({ ...own(name, statistic), label: name });
  const ofFunctions = (name: string, statistic: string, kinds: readonly Kind[]) =>
    functions
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ key, functionName }) => ({
        namespace: 'AWS/Lambda',
        name,
        statistic,
        dimensions: { FunctionName: functionName },
        label: key,
      }));
  const ofQueues = (name: QueueMetric, statistic: string) =>
    queues.map((queue) => ({ ...own(name, statistic, { queue }), label: queue }));
  const all: readonly Kind[] = ['request', 'consumer', 'schedule', 'direct'];
  return [
    ...(business.length > 0 ? [{ heading: 'Business', charts: business }] : []),
    {
      heading: 'Application',
      charts: [
        { title: 'Errors', metrics: ofFunctions('Errors', 'Sum', all) },
        { title: 'Throttles', metrics: ofFunctions('Throttles', 'Sum', all) },
        { title: 'Requests: mean duration (ms)', metrics: ofFunctions('Duration', 'Average', ['request']) },
        { title: 'Requests: p50 of the duration (ms)', metrics: ofFunctions('Duration', 'p50', ['request']) },
        { title: 'Batches: mean duration (ms)', metrics: ofFunctions('Duration', 'Average', ['consumer']) },
        { title: 'Publication to outcome: p50 (ms)', metrics: ofQueues('TimeToOutcome', 'p50') },
        { title: 'Publication to outcome: p90 (ms)', metrics: ofQueues('TimeToOutcome', 'p90') },
        { title: 'Publication to outcome: p99 (ms)', metrics: ofQueues('TimeToOutcome', 'p99') },
        { title: 'Publish to confirm: p90 (ms)', metrics: [{ ...own('PublishDuration', 'p90'), label: 'p90' }] },
        { title: 'Messages per batch', metrics: ofQueues('BatchSize', 'Average') },
        {
          title: 'DynamoDB requests and conflicts per minute',
          metrics: [
            { ...own('StoreRequests', 'Sum'), label: 'requests' },
            { ...own('StoreConflicts', 'Sum'), label: 'conflicts' },
          ],
        },
        { title: 'Messages retried per minute', metrics: ofQueues('Retried', 'Sum') },
        { title: 'Dead letters per minute', metrics: ofQueues('DeadLettersArchived', 'Sum') },
        { title: 'Duplicates skipped per minute', metrics: ofQueues('Duplicates', 'Sum') },
      ],
    },
    {
      heading: 'Queues',
      charts: [
        { title: 'Ready', metrics: ofQueues('QueueReady', 'Maximum') },
        { title: 'Unacknowledged', metrics: ofQueues('QueueUnacknowledged', 'Maximum') },
        { title: 'Consumers', metrics: ofQueues('QueueConsumers', 'Minimum') },
        {
          title: 'Waiting for a retry',
          metrics: delayQueues.map((queue) => ({ ...own('DelayQueueWaiting', 'Maximum', { queue }), label: queue })),
        },
      ],
    },
    {
      heading: 'Broker',
      charts: [
        { title: 'CPU of all nodes (%)', metrics: [broker('SystemCpuUtilization', 'Average')] },
        { title: 'Memory of the worst node (% of its limit)', metrics: [worst('BrokerNodeMemoryPercent', 'Maximum')] },
        { title: 'Free disk of the worst node (times its limit)', metrics: [worst('BrokerNodeDiskRatio', 'Minimum')] },
        {
          title: 'Unhealthy nodes',
          metrics: [
            worst('BrokerNodesDown', 'Maximum'),
            worst('BrokerNodesBlocking', 'Maximum'),
            worst('BrokerNodesPartitioned', 'Maximum'),
          ],
        },
        {
          title: 'Connections',
          metrics: [broker('ConnectionCount', 'Maximum'), worst('BrokerNodeConnections', 'Maximum')],
        },
        { title: 'Messages per second', metrics: [broker('PublishRate', 'Average'), broker('AckRate', 'Average')] },
      ],
    },
  ];
}
