import type { settings } from '../settings.ts';
import type { StageFile } from './stage.ts';

/** The production stage, with a broker node in each of three availability zones and a VPC without internet access. */
export const prod: StageFile<typeof settings> = {
  logLevel: 'INFO',
  outcomeLogLevels: { completed: 'INFO' },
  completedLinesPerBatch: 100,
  logRetentionDays: 90,
  network: { exit: 'endpoints', exitZones: 3 },
  broker: {
    engineVersion: '4.3',
    deployment: 'CLUSTER_MULTI_AZ',
    instanceType: 'mq.m7g.large',
    maintenance: { day: 'WEDNESDAY', timeUtc: '03:00' },
  },
  publisherConcurrency: 800,
  http: { ratePerSecond: 3_000, burst: 1_000, corsOrigins: [] },
  operators: 'cognito',
  functions: {
    request: { memoryMb: 1_024, timeoutSeconds: 29 },
    // With 1,769 MB of memory, Lambda gives a function one full vCPU
    // (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
    consumer: { memoryMb: 1_769, timeoutSeconds: 60 },
    operation: { memoryMb: 256, timeoutSeconds: 120 },
  },
  eventSource: { batchSize: 200, windowSeconds: 1, concurrency: 1 },
  tracing: 'off',
  retention: { inboxDays: 14, archiveDays: 365 },
  settings: { MAX_STOCK: 1_000_000 },
  loginRotationDays: 30,
  release: { strategy: 'canary', percent: 5, minutes: 10 },
  alarms: {
    emails: { critical: [], warning: [] },
    meanDurationMs: 500,
    queueDepth: 100_000,
    deadLetters: 25,
    timeToOutcomeMs: 30_000,
  },
};
