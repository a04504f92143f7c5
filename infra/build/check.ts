import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { entry, say } from '../dev/runtime/command-line.ts';
import { rootDirectory } from '../dev/runtime/directories.ts';

/** The checks that every change must pass, in the order in which they run. */
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
  const failed: string[] = [];
  for (const { name, tool, args } of checks) {
    const code = await run(tool, args);
    const result = code === 0 ? 'passed' : 'FAILED';
    say(`${name}: ${result}`);
    if (code !== 0) failed.push(name);
  }
  return failed.length;
});

function run(tool: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [binaryOf(tool), ...args], { cwd: rootDirectory, stdio: 'inherit' });
  return new Promise((resolve, reject) => child.once('error', reject).once('exit', (code) => resolve(code ?? 1)));
}

function binaryOf(tool: string): string {
  const directory = join(rootDirectory, 'node_modules', tool);
  const { bin } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    bin: string | Record<string, string>;
  };
  const path = typeof bin === 'string' ? bin : (bin[tool] ?? Object.values(bin)[0]!);
  return join(directory, path);
}
