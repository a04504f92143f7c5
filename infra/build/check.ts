import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import pMap from 'p-map';

import { entry, say } from '../dev/runtime/command-line.ts';
import { rootDirectory } from '../dev/runtime/directories.ts';

/** The checks that every change must pass, in the order in which they start. */
const checks: readonly { readonly name: string; readonly tool: string; readonly args: readonly string[] }[] = [
  { name: 'format', tool: 'prettier', args: ['--check', '--cache', '--log-level', 'warn', '.'] },
  { name: 'types', tool: 'typescript', args: ['--noEmit', '-p', 'tsconfig.json'] },
  { name: 'types of the console', tool: 'typescript', args: ['--noEmit', '-p', 'infra/console/tsconfig.json'] },
  {
    name: 'types of the tests in a browser',
    tool: 'typescript',
    args: ['--noEmit', '-p', 'test/browser/tsconfig.json'],
  },
  { name: 'lint and dependency direction', tool: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'unused code and dependencies', tool: 'knip', args: ['--no-progress'] },
];

await entry(async () => {
  // The check of the format takes as long as the others together.
  const passed = await pMap(
    checks,
    async ({ name, tool, args }) => {
      const { code, output } = await run(tool, args);
      process.stdout.write(output);
      const result = code === 0 ? 'passed' : 'FAILED';
      say(`${name}: ${result}`);
      return code === 0;
    },
    { concurrency: 2 },
  );
  return passed.filter((hasPassed) => !hasPassed).length;
});

function run(tool: string, args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(process.execPath, [binaryOf(tool), ...args], {
    cwd: rootDirectory,
    env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve, reject) =>
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? 1, output })),
  );
}

function binaryOf(tool: string): string {
  const directory = join(rootDirectory, 'node_modules', tool);
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    bin: string | Record<string, string>;
  };
  const path = typeof bin === 'string' ? bin : (bin[tool] ?? Object.values(bin)[0]!);
  return join(directory, path);
}
