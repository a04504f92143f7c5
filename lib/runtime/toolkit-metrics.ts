import { defineMetrics, type MetricDefinition } from './metric-table.ts';
import { recordedMetrics } from './recorded-metrics.ts';

type Name = keyof typeof recordedMetrics;
type Description = Pick<MetricDefinition, 'layer' | 'meaning'>;
type Described = { readonly [N in Name]: (typeof recordedMetrics)[N] & Description };

const application = (meaning: string): Description => ({ layer: 'application', meaning });
const infrastructure = (meaning: string): Description => ({ layer: 'infrastructure', meaning });

const descriptions: Readonly<Record<Name, Description>> = {
  Requests: application('HTTP requests that were answered'),
  RequestDuration: application('time from the start of an HTTP function until its answer'),
  PublishDuration: application(
    'time from publishing a message until the broker has confirmed it, including repeated attempts',
  ),
  Completed: application('messages that a consumer has completed'),
  Rejected: application('messages that a business rule has rejected'),
  Duplicates: application('messages that were skipped because they were already settled'),
  Retried: application('messages that were copied to a delay queue after an error'),
  Postponed: application(
    'messages that wait for another message, another environment or a missing binding, and use no attempt',
  ),
  DeadLettered: application('messages that a consumer has dead-lettered'),
  Unfinished: application('messages without an outcome, whose whole batch is redelivered'),
  BatchSize: application('messages in one batch'),
  BatchDuration: application('time in which a consumer processed one batch'),
  TimeToOutcome: application('time from the publication of a message until its consumer has completed or rejected it'),
  StoreRequests: application('requests that were sent to DynamoDB'),
  StoreConflicts: application('DynamoDB requests that failed because another transaction used the same item'),
  DeadLettersArchived: application('dead letters that were stored in the archive'),
  Redriven: application('dead letters that an operator has published again'),
  BreakerOpen: application('1 while requests that need the dependency are refused at once, otherwise 0'),
  IntakeRecordUnavailable: application(
    'requests that were accepted without an idempotency record because DynamoDB did not answer',
  ),
  AuditOutcomeUnwritten: application(
    'actions of operators whose outcome is missing in the audit trail because DynamoDB did not answer',
  ),
  SigningKeysStale: application('failed attempts to read the signing keys, after which the previous keys stay in use'),
  EventsUnroutable: application('failed publishes of follow-up events that no queue receives'),
  DeploymentWrong: application(
    'DynamoDB requests that were refused because a table, a permission or a credential is missing',
  ),
  QueueReady: infrastructure('messages in the queue that wait for a consumer'),
  QueueUnacknowledged: infrastructure('messages that consumers have received and not acknowledged'),
  QueueConsumers: infrastructure(
    'consumers of the queue; of a sharded queue, the number of the shard with the fewest consumers',
  ),
  QueueFullest: infrastructure('all messages in the queue; of a sharded queue, the number in the fullest shard'),
  DelayQueueWaiting: infrastructure('messages that wait in a delay queue for a retry'),
  QueueReportFailed: infrastructure('1 if the queues and nodes of the broker could not be read, otherwise 0'),
  BrokerNodesDown: infrastructure('nodes of the broker that are not running'),
  BrokerNodesBlocking: infrastructure('nodes whose memory or disk alarm blocks all publishers'),
  BrokerNodesPartitioned: infrastructure('nodes that cannot reach another node of the broker'),
  BrokerNodeMemoryPercent: infrastructure(
    'memory of the fullest node, in percent of the limit at which it blocks all publishers',
  ),
  BrokerNodeDiskRatio: infrastructure(
    'free disk of the fullest node, as a multiple of the limit at which it blocks all publishers',
  ),
  BrokerNodeConnections: infrastructure('connections to the node with the most connections'),
};

/**
 * The metrics that the toolkit records. The CloudWatch and Prometheus alerts, the dashboards and the table in
 * docs/observability.md come from these definitions.
 */
export const toolkitMetrics = defineMetrics(
  Object.fromEntries(
    Object.entries(recordedMetrics).map(([name, metric]) => [name, { ...metric, ...descriptions[name as Name] }]),
  ) as Described,
);
