import type { RecordedMetric } from './metric-table.ts';

const counter = { kind: 'counter', unit: 'Count' } as const;
const gauge = { kind: 'gauge', unit: 'Count' } as const;
const histogram = { kind: 'histogram', unit: 'Milliseconds' } as const;
const ofAll = { dimensions: [] } as const;
const ofQueue = { dimensions: ['queue'] } as const;

/**
 * How the toolkit records each of its metrics. The bundle of each function contains this table, but not the
 * descriptions in `toolkitMetrics`.
 */
export const recordedMetrics = {
  Requests: { ...counter, dimensions: ['route', 'status'] },
  RequestDuration: { ...histogram, dimensions: ['route'] },
  PublishDuration: { ...histogram, ...ofAll },
  Completed: { ...counter, ...ofQueue },
  Rejected: { ...counter, ...ofQueue },
  Duplicates: { ...counter, ...ofQueue },
  Retried: { ...counter, ...ofQueue },
  Postponed: { ...counter, ...ofQueue },
  DeadLettered: { ...counter, ...ofQueue },
  Unfinished: { ...counter, ...ofQueue },
  BatchSize: { ...histogram, unit: 'Count', ...ofQueue },
  BatchDuration: { ...histogram, ...ofQueue },
  TimeToOutcome: { ...histogram, ...ofQueue },
  StoreRequests: { ...counter, ...ofAll },
  StoreConflicts: { ...counter, ...ofAll },
  DeadLettersArchived: { ...counter, ...ofQueue },
  Redriven: { ...counter, ...ofQueue },
  BreakerOpen: { ...gauge, dimensions: ['dependency'] },
  IntakeRecordUnavailable: { ...counter, ...ofAll },
  AuditOutcomeUnwritten: { ...counter, ...ofAll },
  SigningKeysStale: { ...counter, ...ofAll },
  EventsUnroutable: { ...counter, ...ofAll },
  DeploymentWrong: { ...counter, ...ofAll },
  QueueReady: { ...gauge, ...ofQueue },
  QueueUnacknowledged: { ...gauge, ...ofQueue },
  QueueConsumers: { ...gauge, ...ofQueue },
  QueueFullest: { ...gauge, ...ofQueue },
  DelayQueueWaiting: { ...gauge, ...ofQueue },
  QueueReportFailed: { ...gauge, ...ofAll },
  BrokerNodesDown: { ...gauge, ...ofAll },
  BrokerNodesBlocking: { ...gauge, ...ofAll },
  BrokerNodesPartitioned: { ...gauge, ...ofAll },
  BrokerNodeMemoryPercent: { ...gauge, unit: 'Percent', ...ofAll },
  BrokerNodeDiskRatio: { ...gauge, unit: 'None', ...ofAll },
  BrokerNodeConnections: { ...gauge, ...ofAll },
} as const satisfies Readonly<Record<string, RecordedMetric>>;
