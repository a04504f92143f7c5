import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';

import { startGuardedServer } from '../../../infra/dev/runtime/guarded-server.ts';
import { freePorts } from '../../../infra/dev/runtime/ports.ts';
import { startGuarded, type GuardedProcess } from '../../../infra/dev/runtime/processes.ts';
import { waitFor } from '../../../infra/dev/runtime/wait.ts';
import { eventually } from '../../support/eventually.ts';

/** A server that answers each request with its process id, and that ends with exit code 0 at SIGTERM. */
const SERVER = `
  process.on('SIGTERM', () => process.exit(0));
  require('node:http').createServer((_, response) => response.end(String(process.pid))).listen(process.argv[1], '127.0.0.1');`;
const CRASH = 'process.exit(3)';
const SILENT = 'setInterval(() => {}, 1_000)';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

const answerOf = (port: number) =>
  fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
    .then((response) => response.text())
    .catch(() => undefined);

/** Returns the options of a server whose `start` runs the given programs one after the other, and then the last one. */
function aServer(...programs: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'surehop-guarded-'));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'server.log');
  const started: GuardedProcess[] = [];
  undo.unshift(() => Promise.all(started.map((process) => process.kill())));
  const hooks = { onStart: () => {} };
  const options = {
    choosePorts: async () => (await freePorts(1))[0]!,
    async start(port: number) {
      const program = programs[Math.min(started.length, programs.length - 1)]!;
      const process = await startGuarded({
        command: globalThis.process.execPath,
        args: ['-e', program, String(port)],
        cwd: directory,
        env: globalThis.process.env,
        output: { file },
      });
      started.push(process);
      hooks.onStart();
      return process;
    },
    async untilReady({ hasEnded, ended }: GuardedProcess, port: number) {
      const answer = await waitFor(() => answerOf(port), {
        timeoutMs: programs.includes(SILENT) ? 100 : 20_000,
        everyMs: 10,
        giveUp: hasEnded,
      });
      if (answer === undefined) throw new Error(hasEnded() ? `ended with ${await ended}` : 'not ready in time');
    },
    wasPortTaken: () => readFileSync(file, 'utf8').includes('EADDRINUSE'),
    stop: (running: GuardedProcess) => running.stop({ signal: 'SIGTERM', graceMs: 5_000 }),
  };
  return { options, started, hooks, running: () => started.filter(({ hasEnded }) => !hasEnded()) };
}

async function aRunningServer(...programs: readonly string[]) {
  const { options, ...rest } = aServer(...programs);
  const server = await startGuardedServer(options);
  const ends: string[] = [];
  server.onDeath((how) => void ends.push(how));
  return { ...rest, server, ends };
}

test('a guarded server is a different process on the same port after a restart, and the restart is not reported as an end', async () => {
  const { server, ends, running } = await aRunningServer(SERVER);
  const { pid: first, ports } = server;
  expect(await answerOf(ports)).toBe(String(first));
  await server.restart();
  expect(server.pid).not.toBe(first);
  expect(await answerOf(ports)).toBe(String(server.pid));
  expect(running()).toHaveLength(1);
  await server.kill();
  await server.restart();
  expect(await answerOf(ports)).toBe(String(server.pid));
  expect(ends).toEqual([]);
});

test('each unexpected end of a guarded server is reported once, also after a restart', async () => {
  const { server, ends } = await aRunningServer(SERVER);
  process.kill(server.pid, 'SIGKILL');
  await eventually('the first report', () => ends.length > 0);
  await server.restart();
  process.kill(server.pid, 'SIGTERM');
  await eventually('the second report', () => ends.length > 1);
  expect(ends).toEqual(['signal SIGKILL', 'exit code 0']);
});

test('stopping a guarded server twice ends its process gracefully, and does not report an unexpected end', async () => {
  const { server, started, ends } = await aRunningServer(SERVER);
  await server.stop();
  expect(await started[0]!.ended).toBe('exit code 0');
  await server.stop();
  expect(started).toHaveLength(1);
  expect(ends).toEqual([]);
});

test.each([
  ['stop', 'before the previous process has ended', 1],
  ['stop', 'just after the new process has started', 2],
  ['stop', 'before the new process is ready', 2],
  ['kill', 'before the previous process has ended', 1],
  ['kill', 'just after the new process has started', 2],
  ['kill', 'before the new process is ready', 2],
] as const)(
  'the call of %s during a restart, %s, makes the restart fail and leaves no process running',
  async (name, moment, starts) => {
    const { server, started, hooks, running, ends } = await aRunningServer(SERVER);
    let change: Promise<void> | undefined;
    const begin = () => void (change ??= server[name]());
    if (moment === 'just after the new process has started') hooks.onStart = begin;
    if (moment === 'before the new process is ready') hooks.onStart = () => void setTimeout(begin, 5);
    const restart = server.restart().then(
      () => 'restarted',
      () => 'failed',
    );
    if (moment === 'before the previous process has ended') begin();
    await eventually('the change to begin', () => change !== undefined, 20_000, 1);
    await change;
    expect(running()).toEqual([]);
    expect(await restart).toBe('failed');
    expect(started).toHaveLength(starts);
    expect(running()).toEqual([]);
    expect(ends).toEqual([]);
  },
);

test('if a guarded server is restarted during a restart, only the process of the last restart keeps running', async () => {
  const { server, running, hooks, ends } = await aRunningServer(SERVER);
  let second: Promise<void> | undefined;
  hooks.onStart = () => void (second ??= server.restart());
  await expect(server.restart()).rejects.toThrow('the server was stopped while it was restarted');
  await second;
  expect(running().map(({ pid }) => pid)).toEqual([server.pid]);
  expect(await answerOf(server.ports)).toBe(String(server.pid));
  process.kill(server.pid, 'SIGKILL');
  await eventually('the report', () => ends.length > 0);
  expect(ends).toEqual(['signal SIGKILL']);
});

test.each([
  ['ends', CRASH, 'ended with exit code 3'],
  ['never becomes ready', SILENT, 'not ready in time'],
])(
  'if a server %s when it is started, startGuardedServer throws the error and leaves no process running',
  async (_, program, message) => {
    const { options, started, running } = aServer(program);
    await expect(startGuardedServer(options)).rejects.toThrow(message);
    expect(started).toHaveLength(1);
    expect(running()).toEqual([]);
  },
);

test('if the restart of a guarded server fails, no end is reported, and the server can be restarted again', async () => {
  const { server, running, ends } = await aRunningServer(SERVER, CRASH, SERVER);
  await expect(server.restart()).rejects.toThrow('ended with exit code 3');
  expect(running()).toEqual([]);
  await server.restart();
  expect(await answerOf(server.ports)).toBe(String(server.pid));
  expect(ends).toEqual([]);
});

test('a guarded server is started at most three times, with other ports each time, if another process has taken its port', async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
  });
  undo.push(() => new Promise((resolve) => taken.close(resolve)));
  taken.on('connection', (socket) => socket.destroy());
  const withPorts = (ports: (number | undefined)[]) => {
    const server = aServer(SERVER);
    const choosePorts = async () => ports.shift() ?? (await freePorts(1))[0]!;
    return { ...server, options: { ...server.options, choosePorts } };
  };
  const lucky = withPorts([port, port]);
  const server = await startGuardedServer(lucky.options);
  expect(await answerOf(server.ports)).toBe(String(server.pid));
  expect(lucky.started).toHaveLength(3);
  const unlucky = withPorts([port, port, port]);
  await expect(startGuardedServer(unlucky.options)).rejects.toThrow('ended with exit code 1');
  expect(unlucky.started).toHaveLength(3);
});
