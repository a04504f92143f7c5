import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { bundle } from '../../../infra/aws/bundler/bundle.ts';
import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';

interface FunctionDefinition {
  readonly handler: string;
  readonly access?: { readonly login?: string; readonly tables?: object };
  readonly events?: unknown;
}

const { functions } = parse(readFileSync(join(rootDirectory, 'serverless.yml'), 'utf8'), { merge: true }) as {
  functions: Record<string, FunctionDefinition>;
};

const directory = mkdtempSync(join(tmpdir(), 'surehop-functions-'));
const entries = Object.values(functions).map(({ handler }) => handler.replace(/\.handler$/, ''));

beforeAll(() => bundle({ entries, root: rootDirectory, outDirectory: directory }));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Starts each function with the given wrong setting. Returns the names of the functions that refuse to start. */
function refusingToStart(name: string, value: string): string[] {
  const program = `
    const started = await Promise.allSettled(${JSON.stringify(entries)}.map((entry) => import(\`./\${entry}.mjs\`)));
    const messages = started.map(({ reason }) => String(reason?.message ?? ''));
    console.log(JSON.stringify(messages));
    process.exit();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: directory,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      AWS_REGION: 'eu-central-1',
      AMQP_URL: 'amqp://127.0.0.1:1',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      [name]: value,
    },
  });
  expect(stderr).toBe('');
  const messages = JSON.parse(stdout) as string[];
  expect(messages.filter((message) => message !== '' && !message.includes(name))).toEqual([]);
  return Object.keys(functions).filter((_, at) => messages[at] !== '');
}

const keysOf = (isMeant: (definition: FunctionDefinition) => boolean) =>
  Object.entries(functions).flatMap(([key, definition]) => (isMeant(definition) ? [key] : []));

describe('a function with a wrong setting refuses to start, and does not wait for its first request', () => {
  test('every function that logs in to the broker fails at its start if a broker setting is invalid', () => {
    const refusing = refusingToStart('HEARTBEAT_SECONDS', 'x');
    // The function apply-topology always starts, because it has to report a wrong setting to CloudFormation.
    const withLogin = keysOf(({ access }) => access?.login !== undefined).filter((key) => key !== 'apply-topology');
    expect(refusing).toEqual(expect.arrayContaining(withLogin));
  });

  test('if the table prefix is invalid, every consumer and every other function with access to a table fails at startup', () => {
    const usesTables = keysOf(({ access, events }) => access?.tables !== undefined || typeof events === 'string');
    expect(refusingToStart('TABLE_PREFIX', 'bad prefix!')).toEqual(expect.arrayContaining(usesTables));
  });
});
