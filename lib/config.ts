import * as z from 'zod';

const whole = (description: string, fallback: number, minimum: number, maximum: number) =>
  z.coerce.number().int().min(minimum).max(maximum).default(fallback).describe(description);

/** Every environment variable that the functions read: its unit, bounds and default. */
const variables = z.object({
  STAGE: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/)
    .default('local')
    .describe('name of the stage'),
  LOG_LEVEL: z
    .enum(['DEBUG', 'INFO', 'WARN', 'ERROR'])
    .default('INFO')
    .describe('the least severe level that is logged'),
  SERVICE_NAME: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/)
    .default('surehop')
    .describe('AMQP app id, and the service in logs and metrics'),
  TABLE_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{0,100}$/)
    .default('surehop-local-')
    .describe('put before every table name'),
  DYNAMODB_ENDPOINT: z.url().optional().describe('another DynamoDB than that of the region'),
  AMQP_URL: z
    .url({ protocol: /^amqps?$/ })
    .optional()
    .describe('the broker with its login; only where no secret store is'),
  BROKER_ENDPOINT: z
    .url({ protocol: /^amqps?$/ })
    .optional()
    .describe('the broker without its login'),
  BROKER_SECRET_ARN: z.string().optional().describe('the Secrets Manager secret with username and password'),
  MANAGEMENT_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('the management API of the broker'),
  PUBLISH_DEADLINE_MS: whole('ms until a publish without a confirm is given up', 5_000, 100, 25_000),
  HEARTBEAT_SECONDS: whole('s between AMQP heartbeats', 10, 1, 60),
  REQUEST_DEADLINE_MS: whole('ms until an HTTP request is answered, done or not', 25_000, 100, 28_500),
  MAX_IN_FLIGHT: whole('HTTP requests that one environment works on at once', 100, 1, 10_000),
  RATE_LIMIT_PER_SECOND: whole('HTTP requests per second that one environment takes', 3_000, 1, 1_000_000),
  CLIENT_RATE_LIMIT_PER_SECOND: whole('of these, those of one client', 1_000, 1, 1_000_000),
  BREAKER_FAILURES: whole('failures in a row after which a part is taken to be away', 5, 1, 1_000),
  BREAKER_REST_MS: whole('ms for which it is then left alone', 5_000, 10, 600_000),
  SIGNING_SECRETS: z.string().optional().describe('keys that clients sign with, as JSON; on a laptop only'),
  SIGNING_SECRETS_ARN: z
    .string()
    .optional()
    .describe('the Secrets Manager secret with the keys that clients sign with'),
  JWT_ISSUER: z.string().min(1).optional().describe("who issues operators' tokens"),
  JWT_AUDIENCE: z.string().min(1).optional().describe("for whom operators' tokens are"),
  JWKS_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('where the issuer publishes its keys'),
  JWT_VERIFIED_BY: z
    .enum(['function', 'gateway'])
    .default('function')
    .describe('who verifies tokens: the function, or the authorizer of API Gateway alone'),
  JWT_SCOPE_PREFIX: z
    .string()
    .regex(/^([A-Za-z0-9_.:-]+\/)?$/)
    .default('')
    .describe('what stands before every scope in tokens'),
  CORS_ORIGINS: z
    .string()
    .regex(/^https?:\/\/[^\s,/]+(,https?:\/\/[^\s,/]+)*$/)
    .optional()
    .describe('origins of web pages that may call, with commas between; none by default'),
  MAX_BODY_BYTES: whole('bytes of an HTTP body', 131_072, 1, 400_000),
  MESSAGE_TIME_LIMIT_MS: whole('ms that one message gets', 10_000, 10, 600_000),
  BATCH_CONCURRENCY: whole('messages of one batch decided at once', 32, 1, 1_000),
  INBOX_RETENTION_DAYS: whole('days for which a finished message is remembered', 14, 1, 365),
  ARCHIVE_RETENTION_DAYS: whole('days for which a dead letter is kept', 90, 1, 3_650),
  AUDIT_RETENTION_DAYS: whole('days for which is kept what operators changed', 400, 1, 3_650),
});

/** The validated, frozen settings of this environment. */
export type Config = Readonly<z.infer<typeof variables>>;

/** Reads settings from `environment`; throws one error that names every wrong variable and what it should be. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = variables.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  const faults = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0]) as keyof typeof variables.shape;
    return `${name} (${variables.shape[name].description}): ${message}`;
  });
  throw new Error(`wrong settings in the environment: ${faults.join('; ')}`);
}

let current: Config | undefined;

/** The settings of this process, read once. */
export function config(): Config {
  return (current ??= readConfig(process.env));
}
