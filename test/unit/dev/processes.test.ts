import { describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { startGuarded } from '../../../infra/dev/runtime/processes.ts';
import { waitFor } from '../../../infra/dev/runtime/wait.ts';

/** A shell command that starts a child process and prints both process ids. Both processes ignore stop signals. */
const STUBBORN = `trap '' INT TERM HUP; sh -c 'trap "" INT TERM HUP; echo "$$"; while :; do sleep 0.05; done' & echo "$$"; wait`;
const command = { cwd: tmpdir(), env: process.env };

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const untilGone = (pids: readonly number[]) =>
  waitFor(async () => (pids.some(isAlive) ? undefined : true), { timeoutMs: 20_000, everyMs: 20 });

async function startStubborn() {
  const lines: string[] = [];
  const started = await startGuarded({
    ...command,
    command: '/bin/sh',
    args: ['-c', STUBBORN],
    output: { onLine: (line) => void lines.push(line) },
  });
  await waitFor(async () => (lines.length === 2 ? true : undefined), { timeoutMs: 20_000, everyMs: 10 });
  return { started, pids: lines.map(Number) };
}

describe('a guarded process', () => {
  test('startGuarded passes each line of output to a callback, keeps the last lines and reports how the process ended', async () => {
    const lines: string[] = [];
    const started = await startGuarded({
      ...command,
      command: '/bin/sh',
      args: ['-c', 'echo out; echo err >&2; exit 3'],
      output: { onLine: (line) => void lines.push(line) },
    });
    expect(await started.ended).toBe('exit code 3');
    await waitFor(async () => (lines.length === 2 ? true : undefined), { timeoutMs: 20_000 });
    expect(lines.toSorted()).toEqual(['err', 'out']);
    expect(started.tail()).toEqual(lines);
    expect(started.hasEnded()).toBe(true);
  });

  test('startGuarded writes the output of a process to a file', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'surehop-log-')), 'part.log');
    for (const word of ['first', 'second']) {
      const started = await startGuarded({ ...command, command: 'echo', args: [word], output: { file } });
      await started.ended;
      expect(started.tail()).toEqual([word]);
    }
  });

  test('stopping a guarded process kills the process and its children if they ignore the stop signal', async () => {
    const { started, pids } = await startStubborn();
    await started.stop({ signal: 'SIGTERM', graceMs: 50 });
    expect(await started.ended).toBe('signal SIGKILL');
    expect(await untilGone(pids)).toBe(true);
  });

  test('a process that was started with startGuarded ends with its children when its parent process is killed', async () => {
    const module = new URL('../../../infra/dev/runtime/processes.ts', import.meta.url).href;
    const program = `
      import { startGuarded } from ${JSON.stringify(module)};
      await startGuarded({ command: '/bin/sh', args: ['-c', ${JSON.stringify(STUBBORN)}], cwd: '/', env: process.env, output: 'inherit' });`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    parent.stdout.setEncoding('utf8').on('data', (chunk: string) => void (text += chunk));
    await waitFor(async () => (text.trim().split('\n').length === 2 ? true : undefined), { timeoutMs: 30_000 });
    const pids = text.trim().split('\n').map(Number);
    expect(pids.every((pid) => pid > 1 && isAlive(pid))).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    expect(await untilGone(pids)).toBe(true);
  });
});
