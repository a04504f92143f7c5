import * as z from 'zod';

import { DEVELOPMENT_ISSUER, DEVELOPMENT_STAGE } from '../http/development.ts';
import { parseSigningSecrets } from '../http/auth/signing-secrets.ts';

/** How a setting is explained to people: what it is, which values it takes, and one of them. */
interface Explanation {
  readonly description: string;
  /** Completes "it must be …". */
  readonly must: string;
  readonly example: string;
}

const whole = (description: string, fallback: number, minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum))
    .default(fallback)
    .meta({
      description,
      must: `a whole number from ${minimum} to ${maximum}`,
      example: String(fallback),
    } satisfies Explanation);

const address = (protocol: RegExp, explanation: Explanation) =>
  z
    .url({ protocol, hostname: /./ })
    .optional()
    .meta({ ...explanation });

const must = {
  amqp: 'a URL like amqp://user:password@host:5672/vhost',
  http: 'a URL like http://127.0.0.1:8000',
  word: 'text without spaces, at most 2,048 characters',
};
const WORD = /^[\x21-\x7e]{1,2048}$/;

/** Whether `origin` is written as browsers send it: scheme, host, port where it is not the default, and nothing else. */
const isOrigin = (origin: string) =>
  /^https?:\/\/[^*]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;

/** Every environment variable that the functions read: its unit, bounds and default. */
const variables = z.object({
  STAGE: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/)
    .default(DEVELOPMENT_STAGE)
    .meta({
      description: 'name of the stage',
      must: 'a lower-case letter and up to 19 letters, digits or "-"',
      example: 'dev',
    } satisfies Explanation),
  LOG_LEVEL: z
    .enum(['DEBUG', 'INFO', 'WARN', 'ERROR'])
    .default('INFO')
    .meta({
      description: 'the least severe level that is logged',
      must: 'DEBUG, INFO, WARN or ERROR',
      example: 'INFO',
    } satisfies Explanation),
  SERVICE_NAME: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/)
    .default('surehop')
    .meta({
      description: 'AMQP app id, and the service in logs and metrics',
      must: 'a lower-case letter and up to 39 letters, digits or "-"',
      example: 'surehop',
    } satisfies Explanation),
  TABLE_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{0,100}$/)
    .default('surehop-local-')
    .meta({
      description: 'put before every table name',
      must: 'letters, digits, "_", "." and "-", at most 100, as DynamoDB allows them in the name of a table',
      example: 'surehop-local-',
    } satisfies Explanation),
  DEPLOYED_TABLES: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*$/)
    .transform((names) => names.split(','))
    .optional()
    .meta({
      description: 'the tables that are deployed, without their prefix',
      must: 'names of tables with commas between',
      example: 'inbox,stock',
    } satisfies Explanation),
  DYNAMODB_ENDPOINT: address(/^https?$/, {
    description: 'another DynamoDB than that of the region',
    must: must.http,
    example: 'http://127.0.0.1:8000',
  }),
  AMQP_URL: address(/^amqps?$/, {
    description: 'the broker with its login; only where no secret store is',
    must: must.amqp,
    example: 'amqp://guest:guest@127.0.0.1:5672',
  }),
  BROKER_ENDPOINT: address(/^amqps?$/, {
    description: 'the broker without its login',
    must: 'a URL like amqps://host:5671',
    example: 'amqps://b-1234.mq.eu-central-1.on.aws:5671',
  }),
  BROKER_SECRET_ARN: z
    .string()
    .regex(WORD)
    .optional()
    .meta({
      description: 'the Secrets Manager secret with username and password',
      must: must.word,
      example: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:login-a1b2c3',
    } satisfies Explanation),
  MANAGEMENT_URL: address(/^https?$/, {
    description: 'the management API of the broker',
    must: 'a URL like http://user:password@host:15672',
    example: 'http://guest:guest@127.0.0.1:15672',
  }),
  PUBLISH_DEADLINE_MS: whole('ms until a publish without a confirm is given up', 5_000, 100, 25_000),
  HEARTBEAT_SECONDS: whole('s between AMQP heartbeats', 10, 1, 60),
  REQUEST_DEADLINE_MS: whole('ms until an HTTP request is answered, done or not', 25_000, 100, 28_500),
  MAX_IN_FLIGHT: whole('HTTP requests that one environment works on at once', 100, 1, 10_000),
  RATE_LIMIT_PER_SECOND: whole('HTTP requests per second that one environment takes', 3_000, 1, 1_000_000),
  CLIENT_RATE_LIMIT_PER_SECOND: whole('of these, those of one client', 1_000, 1, 1_000_000),
  BREAKER_FAILURES: whole('failures in a row after which a part is taken to be away', 5, 1, 1_000),
  BREAKER_REST_MS: whole('ms for which it is then left alone', 5_000, 10, 600_000),
  SIGNING_SECRETS: z
    .string()
    .optional()
    .meta({
      description: 'keys that clients sign with, as JSON; on a laptop only',
      must: 'JSON like {"client": ["whsec_<24 to 64 bytes in base64>"]}',
      example: `{"shop": ["whsec_${Buffer.from('an example, not for real use').toString('base64')}"]}`,
    } satisfies Explanation),
  SIGNING_SECRETS_ARN: z
    .string()
    .regex(WORD)
    .optional()
    .meta({
      description: 'the Secrets Manager secret with the keys that clients sign with',
      must: must.word,
      example: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:signing-keys-a1b2c3',
    } satisfies Explanation),
  JWT_ISSUER: z
    .string()
    .regex(WORD)
    .optional()
    .meta({
      description: "who issues operators' tokens",
      must: must.word,
      example: 'https://login.example.com',
    } satisfies Explanation),
  JWT_AUDIENCE: z
    .string()
    .regex(WORD)
    .optional()
    .meta({
      description: "for whom operators' tokens are",
      must: must.word,
      example: 'surehop',
    } satisfies Explanation),
  JWKS_URL: address(/^https?$/, {
    description: 'where the issuer publishes its keys, if not where its OpenID metadata says',
    must: 'a URL like https://login.example.com/.well-known/jwks.json',
    example: 'https://login.example.com/.well-known/jwks.json',
  }),
  JWT_VERIFIED_BY: z
    .enum(['function', 'gateway'])
    .default('function')
    .meta({
      description: 'who verifies tokens: the function, or the authorizer of API Gateway alone',
      must: 'function or gateway',
      example: 'function',
    } satisfies Explanation),
  JWT_SCOPE_PREFIX: z
    .string()
    .regex(/^([A-Za-z0-9_.:-]{1,200}\/)?$/)
    .default('')
    .meta({
      description: 'what stands before every scope in tokens',
      must: 'letters, digits and "_.:-" with "/" at the end',
      example: 'surehop/',
    } satisfies Explanation),
  CORS_ORIGINS: z
    .string()
    .max(4_096)
    .refine((list) => list.split(',').every(isOrigin))
    .optional()
    .meta({
      description: 'origins of web pages that may call, with commas between; none by default',
      must: 'origins as browsers send them (scheme, host and port, no path, no "*"), with commas between',
      example: 'https://shop.example.com,http://localhost:8080',
    } satisfies Explanation),
  MAX_BODY_BYTES: whole('bytes of an HTTP body', 131_072, 1, 400_000),
  MESSAGE_TIME_LIMIT_MS: whole('ms that one message gets', 10_000, 10, 600_000),
  BATCH_CONCURRENCY: whole('messages of one batch decided at once', 32, 1, 1_000),
  INBOX_RETENTION_DAYS: whole('days for which a finished message is remembered', 14, 1, 365),
  INBOX_COMPLETE_SINCE: z.iso
    .datetime()
    .optional()
    .meta({
      description: 'time since which no marker is missing; set after the inbox table was restored',
      must: 'a time in UTC (ISO 8601)',
      example: '2026-11-22T12:00:00Z',
    } satisfies Explanation),
  ARCHIVE_RETENTION_DAYS: whole('days for which a dead letter is kept', 90, 1, 3_650),
  AUDIT_RETENTION_DAYS: whole('days for which is kept what operators changed', 400, 1, 3_650),
});

/** The validated, frozen settings of this environment. */
export type Config = Readonly<z.infer<typeof variables>>;

/** A setting that the functions read. */
export type SettingName = keyof typeof variables.shape;

/** The names of all settings that the functions read. */
export const settingNames = Object.keys(variables.shape) as readonly SettingName[];

/** What people are told about a setting. */
export const explain = (name: SettingName): Explanation => variables.shape[name].meta() as unknown as Explanation;

/** Thrown where settings are wrong or missing. It has no stack: the reader is who sets them, and a log shows one sentence. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  constructor(message: string) {
    super(message);
    this.stack = `${this.name}: ${message}`;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_SHOWN = 100;

/** A wrong value as it may be shown: no password, no key, not long, on one line. */
export function shownValue(name: string, value: string): string {
  if (/SECRETS$|PASSWORD|TOKEN/.test(name)) return 'wrong';
  const isLong = value.length > MAX_SHOWN;
  // A password that is not followed by a host is taken for one, too.
  const open = value
    .replace(/(\/\/[^/@:]*):.*@/s, '$1:***@')
    .replace(/(\/\/[^/@:]*):(?!\*\*\*@|\d{1,5}(?:[/?#]|$)).*/s, '$1:***')
    .slice(0, MAX_SHOWN);
  return `${JSON.stringify(open)}${isLong ? '…' : ''}`;
}

/** One sentence for each wrong setting: which, what is wrong, and an example. An empty variable counts as not set. */
export function settingFaults(environment: Environment): string[] {
  const result = read(environment);
  return 'faults' in result ? result.faults : [];
}

function read(environment: Environment): { config: Config } | { faults: string[] } {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = variables.safeParse(given);
  const wrong = parsed.success ? [] : [...new Set(parsed.error.issues.map(({ path }) => path[0] as SettingName))];
  const faults = wrong.map((name) => faultOf(name, `it must be ${explain(name).must}`, given[name]));
  const stage = parsed.data?.STAGE ?? given['STAGE'] ?? DEVELOPMENT_STAGE;
  const signing = signingFault(given['SIGNING_SECRETS'], stage);
  if (signing !== undefined) faults.push(faultOf('SIGNING_SECRETS', signing, given['SIGNING_SECRETS']));
  if (given['JWT_ISSUER'] === DEVELOPMENT_ISSUER && stage !== DEVELOPMENT_STAGE)
    faults.push(
      faultOf('JWT_ISSUER', `tokens of the development issuer are accepted in the stage "${DEVELOPMENT_STAGE}" only`),
    );
  return parsed.success && faults.length === 0 ? { config: Object.freeze(parsed.data) } : { faults };
}

function faultOf(name: SettingName, what: string, value?: string): string {
  const shown = value === undefined ? '' : ` is ${shownValue(name, value)}`;
  return `${name}${shown}: ${what}, for example ${name}=${explain(name).example}`;
}

function signingFault(secrets: string | undefined, stage: string): string | undefined {
  if (secrets === undefined) return undefined;
  try {
    parseSigningSecrets(secrets, stage);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The settings in `environment`; throws one error with one sentence for each wrong setting. */
export function readConfig(environment: Environment): Config {
  const result = read(environment);
  if ('config' in result) return result.config;
  throw new SettingsError(`wrong setting: ${result.faults.join('; ')}`);
}

let current: Config | undefined;

/** The settings of this process, read once. */
export function config(): Config {
  return (current ??= readConfig(process.env));
}
