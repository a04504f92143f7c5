import type { StageFile } from 'serverless-surehop/service';

import type { settings } from '../settings.ts';

/** A stage for development, which is cheap and quick to deploy. Copy this file for further stages. */
export const dev: StageFile<typeof settings> = {
  logLevel: 'DEBUG',
  outcomeLogLevels: { completed: 'INFO' },
  completedLinesPerBatch: 100,
  logRetentionDays: 7,
  network: { exit: 'nat', exitZones: 1 },
  broker: {
    engineVersion: '4.3',
    deployment: 'SINGLE_INSTANCE',
    instanceType: 'mq.m7g.medium',
    maintenance: { day: 'MONDAY', timeUtc: '10:00' },
  },
  publisherConcurrency: 'unreserved',
  http: { ratePerSecond: 50, burst: 50, corsOrigins: [] },
  operators: 'cognito',
  functions: {
    request: { memoryMb: 512, timeoutSeconds: 29 },
    consumer: { memoryMb: 512, timeoutSeconds: 60 },
    operation: { memoryMb: 256, timeoutSeconds: 120 },
  },
  eventSource: { batchSize: 100, windowSeconds: 1, concurrency: 1 },
  tracing: 'off',
  retention: { inboxDays: 14, archiveDays: 30 },
  settings: {},
  loginRotationDays: 30,
  release: { strategy: 'at-once' },
  alarms: {
    emails: { critical: [], warning: [] },
    meanDurationMs: 500,
    queueDepth: 10_000,
    deadLetters: 10,
    timeToOutcomeMs: 60_000,
  },
};
