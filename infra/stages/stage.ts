import * as z from 'zod';

const whole = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

/** The periods that CloudWatch Logs keeps entries for and Serverless takes, which does not know 1096 (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html). */
const logRetentionDays = z.literal([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]);

/** What one kind of function gets. The event source waits for 14 minutes at most, the HTTP API for 30 seconds. */
const limits = (maximumSeconds: number) =>
  z.strictObject({ memoryMb: whole(128, 10_240), timeoutSeconds: whole(1, maximumSeconds) });

const concurrency = whole(1, 1_000);

const release = z.discriminatedUnion('strategy', [
  /** `percent` of the traffic goes to the new version, after `minutes` without an alarm the rest follows. */
  z.strictObject({ strategy: z.literal('canary'), percent: whole(1, 50), minutes: whole(1, 60) }),
  /** All but one percent moves at once; the old version stays beside the new one while the alarms are watched for `minutes`. */
  z.strictObject({ strategy: z.literal('blue-green'), minutes: whole(1, 60) }),
  z.strictObject({ strategy: z.literal('at-once') }),
]);

/** Everything in which one stage may differ from another. */
export const stageSchema = z.strictObject({
  logLevel: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']),
  logRetentionDays,
  network: z.strictObject({
    /** How private subnets reach AWS: through interface endpoints, or through NAT gateways, which reach everything. */
    exit: z.enum(['endpoints', 'nat']),
    /** Availability zones that have such an exit. One is cheaper; where it fails, so do the functions. */
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
   * Environments of the publisher at most; each holds a connection, so that the broker's quota may allow fewer. With
   * `unreserved` no function reserves any, for accounts that have few: what bounds connections is then the account itself, and
   * `http.ratePerSecond`.
   */
  publisherConcurrency: z.union([whole(1, 10_000), z.literal('unreserved')]),
  http: z.strictObject({
    ratePerSecond: whole(1, 100_000),
    burst: whole(1, 100_000),
    /** Origins of web pages that may call. */
    corsOrigins: z.array(z.url({ protocol: /^https$/ })),
  }),
  /** Who issues operators' tokens: a user pool of the stage's own, or an OpenID provider that is there already. */
  operators: z.union([
    z.literal('cognito'),
    z.strictObject({ issuer: z.url({ protocol: /^https$/ }), audience: z.string().min(1) }),
  ]),
  functions: z.strictObject({ request: limits(29), consumer: limits(840), operation: limits(840) }),
  eventSource: z.strictObject({
    batchSize: whole(1, 10_000),
    windowSeconds: whole(1, 300),
    /**
     * Environments that AWS lets work on each queue (each shard of it): 1, unless AWS Support has raised it for the event source
     * mappings. One number for all queues, or a number by queue, 1 for those that are not named.
     */
    concurrency: z.union([concurrency, z.record(z.string(), concurrency)]).default(1),
  }),
  retention: z.strictObject({
    inboxDays: whole(1, 365),
    archiveDays: whole(1, 3_650),
    /** Set after the inbox table was restored: messages published before this time are parked, since their markers may be lost. */
    inboxCompleteSince: z.iso.datetime().optional(),
  }),
  loginRotationDays: whole(1, 365),
  release,
  alarms: z.strictObject({
    /** Where `critical` and `warning` go besides the topics: an address each, confirmed by its owner. */
    emails: z.strictObject({ critical: z.array(z.email()), warning: z.array(z.email()) }),
    meanDurationMs: whole(1, 29_000),
    /** Messages in a work queue that are too many. */
    queueDepth: whole(1, 500_000),
    /** Dead letters in five minutes that are too many. */
    deadLetters: whole(1, 1_000_000),
    acceptanceToFulfilmentMs: whole(1, 3_600_000),
  }),
});

/** The settings of one stage. */
export type Stage = z.infer<typeof stageSchema>;
