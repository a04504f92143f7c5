import type { settings } from '../settings.ts';
import type { StageFile } from './stage.ts';

/** The staging stage, which has the same structure as the production stage but smaller and cheaper resources. */
export const staging: StageFile<typeof settings> = {
  logLevel: 'INFO',
  outcomeLogLevels: { completed: 'INFO' },
  completedLinesPerBatch: 100,
  logRetentionDays: 30,
  network: { exit: 'endpoints', exitZones: 1 },
  broker: {
    engineVersion: '4.3',
    deployment: 'CLUSTER_MULTI_AZ',
    instanceType: 'mq.m7g.medium',
    maintenance: { day: 'TUESDAY', timeUtc: '03:00' },
  },
  publisherConcurrency: 100,
  http: { ratePerSecond: 500, burst: 500, corsOrigins: [] },
  operators: 'cognito',
  functions: {
    request: { memoryMb: 1_024, timeoutSeconds: 29 },
    consumer: { memoryMb: 1_769, timeoutSeconds: 60 },
    operation: { memoryMb: 256, timeoutSeconds: 120 },
  },
  eventSource: { batchSize: 100, windowSeconds: 1, concurrency: 1 },
  tracing: 'off',
  retention: { inboxDays: 14, archiveDays: 90 },
  settings: { MAX_STOCK: 1_000_000 },
  loginRotationDays: 30,
  release: { strategy: 'blue-green', minutes: 10 },
  alarms: {
    emails: { critical: [], warning: [] },
    meanDurationMs: 500,
    queueDepth: 50_000,
    deadLetters: 10,
    timeToOutcomeMs: 30_000,
  },
};
