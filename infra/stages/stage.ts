import type { BatchReport } from 'surehop/consumer';
import * as z from 'zod';

import type { SettingValues } from './own-settings.ts';

const whole = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

/**
 * The log retention periods, in days, that CloudWatch Logs supports
 * (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html), except 1096, which
 * Serverless does not support.
 */
const logRetentionDays = z.literal([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]);

/**
 * The memory and the timeout of one kind of function. The HTTP API waits at most 30 seconds for a function, and event sources
 * wait at most 14 minutes.
 */
const limits = (maximumSeconds: number) =>
  z.strictObject({ memoryMb: whole(128, 10_240), timeoutSeconds: whole(1, maximumSeconds) });

const concurrency = whole(1, 1_000);

const logLevel = z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']);

/** The outcomes of messages. This is not a list, because the compiler finds no missing entries in a list. */
const outcomes = {
  completed: 'completed',
  rejected: 'rejected',
  duplicate: 'duplicate',
  retry: 'retry',
  postponed: 'postponed',
  'dead-letter': 'dead-letter',
  unfinished: 'unfinished',
} satisfies { readonly [Outcome in keyof BatchReport['counts']]: Outcome };

const release = z.discriminatedUnion('strategy', [
  /**
   * With the strategy `canary`, a release first shifts `percent` % of the traffic to the new version. After `minutes`
   * minutes without an alarm, the release shifts the rest of the traffic.
   */
  z.strictObject({ strategy: z.literal('canary'), percent: whole(1, 50), minutes: whole(1, 60) }),
  /**
   * With the strategy `blue-green`, a release immediately shifts 99 % of the traffic to the new version. The old
   * version is kept for `minutes` minutes; an alarm during this time rolls the release back.
   */
  z.strictObject({ strategy: z.literal('blue-green'), minutes: whole(1, 60) }),
  z.strictObject({ strategy: z.literal('at-once') }),
]);

/** All settings of a stage. */
export const stageSchema = z.strictObject({
  logLevel,
  /**
   * The log level of a message's log line, by the outcome of the message. The default depends on the outcome; for
   * example, it is `WARN` for `dead-letter` and `INFO` for `completed`.
   */
  outcomeLogLevels: z.partialRecord(z.enum(outcomes), logLevel),
  /**
   * The maximum number of log lines about completed messages in each batch, and also the maximum number of log lines
   * about duplicates. Failed messages are always logged.
   */
  completedLinesPerBatch: whole(0, 10_000),
  logRetentionDays,
  network: z.strictObject({
    /**
     * How private subnets reach AWS services: only through VPC endpoints, or through NAT gateways, which also give access to the
     * internet.
     */
    exit: z.enum(['endpoints', 'nat']),
    /**
     * The number of availability zones with VPC endpoints or NAT gateways. A single zone is cheaper, but then all functions
     * depend on this zone.
     */
    exitZones: whole(1, 3),
  }),
  broker: z.strictObject({
    engineVersion: z.enum(['4.2', '4.3']),
    deployment: z.enum(['SINGLE_INSTANCE', 'CLUSTER_MULTI_AZ']),
    instanceType: z.enum(['mq.m7g.medium', 'mq.m7g.large']),
    maintenance: z.strictObject({
      day: z.enum(['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY']),
      timeUtc: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 03:00'),
    }),
  }),
  /**
   * The maximum total reserved concurrency of the functions that publish messages for clients. These functions have
   * `connections: rest` or `connections: { weight: … }` in serverless.yml. With `unreserved`, no function of the stage
   * reserves concurrency. An AWS account with a low concurrency limit requires `unreserved`.
   */
  publisherConcurrency: z.union([whole(1, 10_000), z.literal('unreserved')]),
  http: z.strictObject({
    ratePerSecond: whole(1, 100_000),
    burst: whole(1, 100_000),
    /** The origins of web pages that may call the API (CORS). */
    corsOrigins: z.array(z.url({ protocol: /^https$/ })),
  }),
  /** Who issues operators' tokens: the Cognito user pool of the stage (`cognito`), or an existing OpenID provider. */
  operators: z.union([
    z.literal('cognito'),
    z.strictObject({
      issuer: z.url({ protocol: /^https$/ }),
      audience: z.string().min(1),
      /**
       * The id of the public client with which people log in to the operators' console. If the id is missing, nobody
       * can log in to the console.
       */
      consoleClient: z.string().min(1).optional(),
      /** The origins of the provider's login and token endpoints, if they differ from the origin of the issuer. */
      loginOrigins: z.array(z.url({ protocol: /^https$/ }).regex(/^https:\/\/[^/]+$/)).optional(),
    }),
  ]),
  functions: z.strictObject({ request: limits(29), consumer: limits(840), operation: limits(840) }),
  eventSource: z.strictObject({
    batchSize: whole(1, 10_000),
    windowSeconds: whole(1, 300),
    /**
     * The maximum number of Lambda execution environments that process messages of one shard of a queue at the same
     * time: one number for all queues, or an object with a number for each queue name. A number above 1 requires that
     * AWS Support has raised the limit of the account.
     */
    concurrency: z.union([concurrency, z.record(z.string(), concurrency)]).default(1),
  }),
  /** Whether functions export traces, and to which OTLP receiver (docs/guides/observability.md). */
  tracing: z.union([
    z.literal('off'),
    z.strictObject({
      /**
       * The URL of the OTLP receiver for the traces (protobuf over HTTP). With an OpenTelemetry collector layer
       * (`collectorLayer`), use `http://localhost:4318`.
       */
      endpoint: z.url({ protocol: /^https?$/ }),
      /**
       * The share of the traces to record, from 0 to 1. This share does not apply if the caller of a request has
       * already decided whether to record the trace.
       */
      sampledShare: z.number().min(0).max(1),
      /** The ARN of a Lambda layer version with an OpenTelemetry collector. Every function gets this layer. */
      collectorLayer: z
        .string()
        .regex(/^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[\w-]+:\d+$/, 'must be the ARN of a layer version')
        .optional(),
    }),
  ]),
  retention: z.strictObject({
    inboxDays: whole(1, 365),
    archiveDays: whole(1, 3_650),
    /**
     * The time at which the inbox table was restored from a backup. Consumers dead-letter messages that were published
     * or last redriven before this time, unless the table shows that they were completed or rejected.
     */
    inboxCompleteSince: z.iso.datetime().optional(),
  }),
  /**
   * The values of the service's own settings (infra/settings.ts). Every function gets these values as environment
   * variables.
   */
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).readonly()])),
  loginRotationDays: whole(1, 365),
  release,
  alarms: z.strictObject({
    /**
     * The email addresses that are notified of `critical` and of `warning` alarms. The owner of an address must confirm
     * the subscription.
     */
    emails: z.strictObject({ critical: z.array(z.email()), warning: z.array(z.email()) }),
    meanDurationMs: whole(1, 29_000),
    /** An alarm is raised if more than this number of messages wait in a work queue. */
    queueDepth: whole(1, 500_000),
    /** A critical alarm is raised if a queue gets at least this number of dead letters within five minutes. */
    deadLetters: whole(1, 1_000_000),
    /**
     * An alarm is raised if more than 10 % of the messages of a work queue take longer than this, in ms, from their
     * publication until a consumer has completed or rejected them.
     */
    timeToOutcomeMs: whole(1, 3_600_000),
  }),
});

/** The settings of one stage, after their validation with `stageSchema`. */
export type Stage = z.infer<typeof stageSchema>;

/**
 * The type of a stage file. The compiler checks that the file gives each of the service's own settings a value of the
 * right type.
 */
export type StageFile<OwnSettings> = Omit<Stage, 'settings'> & { readonly settings: SettingValues<OwnSettings> };
