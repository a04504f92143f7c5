import type { Metric } from './alarm.ts';
import { brokerMetric } from './alarms/broker-alarms.ts';
import { orderMetrics } from './alarms/order-alarms.ts';
import type { Section } from './dashboard.ts';
import type { Kind } from '../serverless.ts';

interface Subject {
  readonly brokerName: string;
  readonly functions: readonly { readonly key: string; readonly functionName: string; readonly kind: Kind }[];
  readonly queues: readonly string[];
  readonly retryTiers: readonly string[];
  readonly own: (name: string, statistic: string, dimensions?: Readonly<Record<string, string>>) => Metric;
}

/** Returns the sections of the CloudWatch dashboard: business, application, queues and broker. */
export function dashboardSections({ brokerName, functions, queues, retryTiers, own }: Subject): Section[] {
  const ofBroker = brokerMetric(brokerName);
  const broker = (name: string, statistic: string) => ({ ...ofBroker(name, statistic), label: name });
  const worst = (name: string, statistic: string) => ({ ...own(name, statistic), label: name });
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
  const ofQueues = (name: string, statistic: string) =>
    queues.map((queue) => ({ ...own(name, statistic, { queue }), label: queue }));
  const all: readonly Kind[] = ['request', 'consumer', 'schedule', 'direct'];
  const { accepted, refused, failed, fulfilled, rejected, toFulfilment } = orderMetrics(own);
  const waiting = [0.5, 0.9, 0.99].map((share) => ({
    ...toFulfilment,
    statistic: `p${share * 100}`,
    label: `p${share * 100}`,
  }));
  return [
    {
      heading: 'Business',
      charts: [
        {
          title: 'Orders per minute',
          metrics: [
            { ...accepted, label: 'accepted' },
            { ...fulfilled, label: 'fulfilled' },
            { ...rejected, label: 'rejected' },
          ],
        },
        { title: 'Acceptance to fulfilment (ms)', metrics: waiting },
        {
          title: 'Orders not accepted per minute',
          metrics: [
            { ...refused, label: '503' },
            { ...failed, label: '500' },
          ],
        },
      ],
    },
    {
      heading: 'Application',
      charts: [
        { title: 'Errors', metrics: ofFunctions('Errors', 'Sum', all) },
        { title: 'Throttles', metrics: ofFunctions('Throttles', 'Sum', all) },
        { title: 'Requests: mean duration (ms)', metrics: ofFunctions('Duration', 'Average', ['request']) },
        { title: 'Requests: p50 of the duration (ms)', metrics: ofFunctions('Duration', 'p50', ['request']) },
        { title: 'Batches: mean duration (ms)', metrics: ofFunctions('Duration', 'Average', ['consumer']) },
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
          metrics: retryTiers.map((queue) => ({ ...own('RetryTierWaiting', 'Maximum', { queue }), label: queue })),
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
