import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import { startGuarded } from './processes.ts';
import { LOCAL_AWS } from './store/local-aws.ts';
import { within } from './wait.ts';

const CHECKED_WITHIN_MS = 300_000;

/** The environment variables with which Serverless runs the stage `local`. */
export const serverlessEnvironment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ...LOCAL_AWS,
  STAGE: 'local',
  NO_COLOR: '1',
  FORCE_COLOR: undefined,
  SLS_TELEMETRY_DISABLED: '1',
  SLS_NOTIFICATIONS_MODE: 'off',
  SLS_INTERACTIVE_SETUP_ENABLE: undefined,
  SLS_DEPRECATION_DISABLE: '*',
});

/** Returns the path of the command `serverless`. */
export function serverlessCommand(): string {
  const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { serverless: string } };
  return join(dirname(manifest), bin.serverless);
}

/**
 * Returns, in one line, why Serverless rejects serverless.yml. Returns `undefined` if Serverless accepts the file, or
 * does not answer within five minutes.
 */
export async function mistakeInConfiguration(
  root: string,
  { priority = constants.priority.PRIORITY_NORMAL }: { readonly priority?: number } = {},
): Promise<string | undefined> {
  const lines: string[] = [];
  const child = await startGuarded({
    command: process.execPath,
    args: [serverlessCommand(), 'print', '--stage', 'local'],
    cwd: root,
    env: serverlessEnvironment(),
    output: { onLine: (line) => void lines.push(line) },
  });
  if (priority !== constants.priority.PRIORITY_NORMAL) setPriority(child.pid, priority);
  const how = await within(child.ended, CHECKED_WITHIN_MS);
  await child.kill();
  if (how === undefined || how === 'exit code 0') return undefined;
  // Serverless prints its errors to standard output.
  const [, mistake] = /^Error:\n(.+?)(?:\n\n|\n*$)/ms.exec(stripVTControlCharacters(lines.join('\n'))) ?? [];
  return mistake?.replaceAll(/\s+/g, ' ').trim();
}
