import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { Problem } from './problem.ts';

const variables = z.object({
  HTTP_PORT: z.coerce.number().int().min(1).max(65_535).default(3_000).describe('a TCP port from 1 to 65535'),
  AMQP_URL: z
    .url({ protocol: /^amqps?$/, hostname: /./ })
    .optional()
    .describe('a URL like amqp://user:password@host:5672/vhost'),
  MANAGEMENT_URL: z
    .url({ protocol: /^https?$/, hostname: /./ })
    .optional()
    .describe('a URL like http://user:password@host:15672'),
  DYNAMODB_ENDPOINT: z
    .url({ protocol: /^https?$/, hostname: /./ })
    .optional()
    .describe('a URL like http://127.0.0.1:8000'),
  SUREHOP_CACHE: z.string().optional().describe('a folder that may be written to'),
  XDG_CACHE_HOME: z.string().optional().describe('a folder that may be written to'),
  HOME: z.string().optional().describe('a folder'),
});

/** The laptop's settings: what is given is used, the rest starts itself. */
export interface Settings {
  readonly httpPort: number;
  readonly amqpUrl: string | undefined;
  readonly managementUrl: string | undefined;
  readonly dynamodbEndpoint: string | undefined;
  /** Where unpacked packages are kept, over clones. */
  readonly cacheDirectory: string;
}

/** Reads and checks the settings once; a wrong one is a Problem with exit code 2 that names it, its value and what is expected. */
export function readSettings(environment: NodeJS.ProcessEnv, localDirectory: string): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = variables.safeParse(given);
  if (!parsed.success) {
    const names = [...new Set(parsed.error.issues.map(({ path }) => String(path[0])))];
    const faults = names.map((name) => {
      const { description } = variables.shape[name as keyof typeof variables.shape];
      return `${name} is "${withoutPassword(given[name] ?? '')}", expected ${description}`;
    });
    throw new Problem(`wrong setting: ${faults.join('; ')}`, { exitCode: 2 });
  }
  const { HTTP_PORT, AMQP_URL, MANAGEMENT_URL, DYNAMODB_ENDPOINT, SUREHOP_CACHE, XDG_CACHE_HOME, HOME } = parsed.data;
  return Object.freeze({
    httpPort: HTTP_PORT,
    amqpUrl: AMQP_URL,
    managementUrl: MANAGEMENT_URL,
    dynamodbEndpoint: DYNAMODB_ENDPOINT,
    cacheDirectory: cacheDirectory({ SUREHOP_CACHE, XDG_CACHE_HOME, HOME }, localDirectory),
  });
}

function cacheDirectory(
  { SUREHOP_CACHE, XDG_CACHE_HOME, HOME }: { SUREHOP_CACHE?: string; XDG_CACHE_HOME?: string; HOME?: string },
  localDirectory: string,
): string {
  if (SUREHOP_CACHE !== undefined) {
    const wanted = resolve(SUREHOP_CACHE);
    if (isWritable(wanted)) return wanted;
    throw new Problem(`wrong setting: SUREHOP_CACHE is "${SUREHOP_CACHE}", expected a folder that may be written to`, {
      exitCode: 2,
    });
  }
  const candidates = [
    ...(XDG_CACHE_HOME === undefined ? [] : [join(XDG_CACHE_HOME, 'surehop')]),
    ...(HOME === undefined || !existsSync(HOME) || HOME.startsWith(localDirectory)
      ? []
      : [join(HOME, '.cache', 'surehop')]),
  ];
  return candidates.find(isWritable) ?? join(localDirectory, 'cache');
}

/** Whether `directory` can be made and written to; it is made on the way. */
function isWritable(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A URL as it may be shown: without its password. */
export function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/@:]*):[^@]*@/, '$1:***@');
}
