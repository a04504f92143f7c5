import { defineMetrics } from './metric-table.ts';

const application = { layer: 'application' } as const;
const infrastructure = { layer: 'infrastructure' } as const;
const counter = { kind: 'counter', unit: 'Count' } as const;
const gauge = { kind: 'gauge', unit: 'Count' } as const;
const histogram = { kind: 'histogram', unit: 'Milliseconds' } as const;
const ofAll = { dimensions: [] } as const;
const ofQueue = { dimensions: ['queue'] } as const;

/**
 * The metrics that the toolkit records. The CloudWatch and Prometheus alerts, the dashboards and the table in
 * docs/observability.md come from these definitions.
 */
export const toolkitMetrics = defineMetrics({
  Requests: {
    ...application,
    ...counter,
    dimensions: ['route', 'status'],
    meaning: 'HTTP requests that were answered',
  },
  RequestDuration: {
    ...application,
    ...histogram,
    dimensions: ['route'],
    meaning: 'time from the start of an HTTP function until its answer',
  },
  PublishDuration: {
    ...application,
    ...histogram,
    ...ofAll,
    meaning: 'time from publishing a message until the broker has confirmed it, including repeated attempts',
  },
  Completed: { ...application, ...counter, ...ofQueue, meaning: 'messages that a consumer has completed' },
  Rejected: { ...application, ...counter, ...ofQueue, meaning: 'messages that a business rule has rejected' },
  Duplicates: {
    ...application,
    ...counter,
    ...ofQueue,
    meaning: 'messages that were skipped because they were already settled',
  },
  Retried: {
    ...application,
    ...counter,
    ...ofQueue,
    meaning: 'messages that were copied to a delay queue after an error',
  },
  Postponed: {
    ...application,
    ...counter,
    ...ofQueue,
    meaning: 'messages that wait for another message, another environment or a missing binding, and use no attempt',
  },
  DeadLettered: { ...application, ...counter, ...ofQueue, meaning: 'messages that a consumer has dead-lettered' },
  Unfinished: {
    ...application,
    ...counter,
    ...ofQueue,
    meaning: 'messages without an outcome, whose whole batch is redelivered',
  },
  BatchSize: { ...application, ...histogram, unit: 'Count', ...ofQueue, meaning: 'messages in one batch' },
  BatchDuration: { ...application, ...histogram, ...ofQueue, meaning: 'time in which a consumer processed one batch' },
  TimeToOutcome: {
    ...application,
    ...histogram,
    ...ofQueue,
    meaning: 'time from the publication of a message until its consumer has completed or rejected it',
  },
  StoreRequests: { ...application, ...counter, ...ofAll, meaning: 'requests that were sent to DynamoDB' },
  StoreConflicts: {
    ...application,
    ...counter,
    ...ofAll,
    meaning: 'DynamoDB requests that failed because another transaction used the same item',
  },
  DeadLettersArchived: {
    ...application,
    ...counter,
    ...ofQueue,
    meaning: 'dead letters that were stored in the archive',
  },
  Redriven: { ...application, ...counter, ...ofQueue, meaning: 'dead letters that an operator has published again' },
  BreakerOpen: {
    ...application,
    ...gauge,
    dimensions: ['dependency'],
    meaning: '1 while requests that need the dependency are refused at once, otherwise 0',
  },
  IntakeRecordUnavailable: {
    ...application,
    ...counter,
    ...ofAll,
    meaning: 'requests that were accepted without an idempotency record because DynamoDB did not answer',
  },
  AuditOutcomeUnwritten: {
    ...application,
    ...counter,
    ...ofAll,
    meaning: 'actions of operators whose outcome is missing in the audit trail because DynamoDB did not answer',
  },
  SigningKeysStale: {
    ...application,
    ...counter,
    ...ofAll,
    meaning: 'failed attempts to read the signing keys, after which the previous keys stay in use',
  },
  EventsUnroutable: {
    ...application,
    ...counter,
    ...ofAll,
    meaning: 'failed publishes of follow-up events that no queue receives',
  },
  DeploymentWrong: {
    ...application,
    ...counter,
    ...ofAll,
    meaning: 'DynamoDB requests that were refused because a table, a permission or a credential is missing',
  },
  QueueReady: { ...infrastructure, ...gauge, ...ofQueue, meaning: 'messages in the queue that wait for a consumer' },
  QueueUnacknowledged: {
    ...infrastructure,
    ...gauge,
    ...ofQueue,
    meaning: 'messages that consumers have received and not acknowledged',
  },
  QueueConsumers: {
    ...infrastructure,
    ...gauge,
    ...ofQueue,
    meaning: 'consumers of the queue; of a sharded queue, the number of the shard with the fewest consumers',
  },
  QueueFullest: {
    ...infrastructure,
    ...gauge,
    ...ofQueue,
    meaning: 'all messages in the queue; of a sharded queue, the number in the fullest shard',
  },
  DelayQueueWaiting: {
    ...infrastructure,
    ...gauge,
    ...ofQueue,
    meaning: 'messages that wait in a delay queue for a retry',
  },
  QueueReportFailed: {
    ...infrastructure,
    ...gauge,
    ...ofAll,
    meaning: '1 if the queues and nodes of the broker could not be read, otherwise 0',
  },
  BrokerNodesDown: { ...infrastructure, ...gauge, ...ofAll, meaning: 'nodes of the broker that are not running' },
  BrokerNodesBlocking: {
    ...infrastructure,
    ...gauge,
    ...ofAll,
    meaning: 'nodes whose memory or disk alarm blocks all publishers',
  },
  BrokerNodesPartitioned: {
    ...infrastructure,
    ...gauge,
    ...ofAll,
    meaning: 'nodes that cannot reach another node of the broker',
  },
  BrokerNodeMemoryPercent: {
    ...infrastructure,
    ...gauge,
    unit: 'Percent',
    ...ofAll,
    meaning: 'memory of the fullest node, in percent of the limit at which it blocks all publishers',
  },
  BrokerNodeDiskRatio: {
    ...infrastructure,
    ...gauge,
    unit: 'None',
    ...ofAll,
    meaning: 'free disk of the fullest node, as a multiple of the limit at which it blocks all publishers',
  },
  BrokerNodeConnections: {
    ...infrastructure,
    ...gauge,
    ...ofAll,
    meaning: 'connections to the node with the most connections',
  },
});
