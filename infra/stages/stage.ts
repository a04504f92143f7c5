import * as z from 'zod';

const whole = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

/** The retention periods that both CloudWatch Logs and Serverless support; Serverless does not support 1096 (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html). */
const logRetentionDays = z.literal([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]);

/** Memory and timeout of one kind of function. Event sources wait at most 14 minutes, the HTTP API 30 seconds. */
const limits = (maximumSeconds: number) =>
  z.strictObject({ memoryMb: whole(128, 10_240), timeoutSeconds: whole(1, maximumSeconds) });

const concurrency = whole(1, 1_000);

const release = z.discriminatedUnion('strategy', [
  /** Shifts `percent` of the traffic to the new version, and the rest after `minutes` without an alarm. */
  z.strictObject({ strategy: z.literal('canary'), percent: whole(1, 50), minutes: whole(1, 60) }),
  /** Shifts 99 % of the traffic at once and keeps the old version for `minutes`, in which an alarm rolls the release back. */
  z.strictObject({ strategy: z.literal('blue-green'), minutes: whole(1, 60) }),
  z.strictObject({ strategy: z.literal('at-once') }),
]);

/** All settings of a stage. */
export const stageSchema = z.strictObject({
  logLevel: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']),
  logRetentionDays,
  network: z.strictObject({
    /** How private subnets reach AWS: through VPC endpoints only, or through NAT gateways, which also reach the internet. */
    exit: z.enum(['endpoints', 'nat']),
    /** The number of availability zones with endpoints or NAT gateways. One is cheaper, but the functions depend on that zone. */
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
   * The maximum concurrency of the publisher; the broker's connection quota can lower it, because each environment holds one
   * connection. With `unreserved` no function reserves concurrency, for accounts with a low limit; then only the account's limit
   * and `http.ratePerSecond` bound the connections.
   */
  publisherConcurrency: z.union([whole(1, 10_000), z.literal('unreserved')]),
  http: z.strictObject({
    ratePerSecond: whole(1, 100_000),
    burst: whole(1, 100_000),
    /** The origins of web pages that may call the API (CORS). */
    corsOrigins: z.array(z.url({ protocol: /^https$/ })),
  }),
  /** The issuer of operators' tokens: the stage's own Cognito user pool, or an existing OpenID provider. */
  operators: z.union([
    z.literal('cognito'),
    z.strictObject({ issuer: z.url({ protocol: /^https$/ }), audience: z.string().min(1) }),
  ]),
  functions: z.strictObject({ request: limits(29), consumer: limits(840), operation: limits(840) }),
  eventSource: z.strictObject({
    batchSize: whole(1, 10_000),
    windowSeconds: whole(1, 300),
    /**
     * The number of concurrent environments per shard: 1, unless AWS Support has raised the limit of the event source mapping. Either
     * one number for all queues, or a number by queue name with a default of 1.
     */
    concurrency: z.union([concurrency, z.record(z.string(), concurrency)]).default(1),
  }),
  retention: z.strictObject({
    inboxDays: whole(1, 365),
    archiveDays: whole(1, 3_650),
    /** Set this after restoring the inbox table: messages published before this time are parked, because their markers may be missing. */
    inboxCompleteSince: z.iso.datetime().optional(),
  }),
  loginRotationDays: whole(1, 365),
  release,
  alarms: z.strictObject({
    /** Email addresses that receive `critical` and `warning` alarms; the owner must confirm each subscription. */
    emails: z.strictObject({ critical: z.array(z.email()), warning: z.array(z.email()) }),
    meanDurationMs: whole(1, 29_000),
    /** The number of waiting messages in a work queue that raises an alarm. */
    queueDepth: whole(1, 500_000),
    /** The number of dead letters in five minutes that raises a critical alarm. */
    deadLetters: whole(1, 1_000_000),
    acceptanceToFulfilmentMs: whole(1, 3_600_000),
  }),
});

/** The settings of one stage. */
export type Stage = z.infer<typeof stageSchema>;
