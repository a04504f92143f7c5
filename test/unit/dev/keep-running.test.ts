import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';

import { keepRunning } from '../../../infra/dev/runtime/keep-running.ts';
import { watchExternal } from '../../../infra/dev/runtime/watch-external.ts';
import { eventually } from '../../support/eventually.ts';

/**
 * Creates a simulated process, which ends when the test calls `die`. For each given error, one restart fails with this
 * error. Later restarts succeed.
 */
function aProcess(outcomes: readonly Error[] = []) {
  let listener: (how: string) => void = () => {};
  const remaining = [...outcomes];
  const target = {
    restarts: 0,
    async restart() {
      target.restarts += 1;
      const failure = remaining.shift();
      if (failure) throw failure;
    },
    onDeath: (given: typeof listener) => void (listener = given),
    die: (how: string) => listener(how),
  };
  return target;
}

function keeping(outcomes?: readonly Error[]) {
  const lines: string[] = [];
  const given: string[] = [];
  const target = aProcess(outcomes);
  const stop = keepRunning(target, {
    name: 'RabbitMQ',
    say: (line) => void lines.push(line),
    giveUp: (reason) => void given.push(reason),
  });
  return { target, lines, given, stop };
}

describe('keepRunning', () => {
  test('keepRunning restarts a process that ends, and reports the restart with one line', async () => {
    const { target, lines, given } = keeping();
    target.die('signal SIGKILL');
    await eventually('a restart', () => target.restarts === 1);
    expect(lines).toEqual(['RabbitMQ ended (signal SIGKILL); restarting (1 of at most 5 restarts per minute)']);
    expect(given).toEqual([]);
  });

  test('keepRunning tries again if the restart of a process fails', async () => {
    const { target, lines } = keeping([new Error('the port is taken')]);
    target.die('exit code 1');
    await eventually('a second restart', () => target.restarts === 2);
    expect(lines[1]).toContain('RabbitMQ ended (the port is taken)');
  });

  test('keepRunning stops restarting a process after five restarts within a minute, and reports why the process ended', async () => {
    const { target, lines, given } = keeping(Array.from({ length: 5 }, () => new Error('no space left on device')));
    target.die('exit code 1');
    await eventually('giving up', () => given.length === 1);
    expect(target.restarts).toBe(5);
    expect(lines).toHaveLength(5);
    expect(given[0]).toContain(
      'RabbitMQ was restarted 5 times within a minute and ended again (no space left on device)',
    );
    target.die('exit code 1');
    expect(target.restarts).toBe(5);
  });

  test('keepRunning does not restart a process that ends after keepRunning was told to stop', async () => {
    const { target, lines, stop } = keeping();
    stop();
    target.die('exit code 0');
    expect([target.restarts, lines]).toEqual([0, []]);
  });
});

describe('watchExternal', () => {
  let server: Server | undefined;
  const listen = (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      server = createServer((socket) => socket.destroy()).once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve((server!.address() as { port: number }).port));
    });
  const close = () => new Promise((resolve) => server!.close(resolve));
  afterEach(() => void server?.close());

  test('watchExternal reports once when a server stops accepting connections, and once when the server accepts connections again', async () => {
    const port = await listen(0);
    const lines: string[] = [];
    const stop = watchExternal(`amqp://guest:guest@127.0.0.1:${port}/vhost`, {
      name: 'RabbitMQ',
      say: (line) => void lines.push(line),
      everyMs: 20,
    });
    await close();
    await eventually('a report', () => lines.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(lines).toEqual(['RabbitMQ does not accept connections; npm start did not start it and does not restart it']);
    await listen(port);
    await eventually('a second report', () => lines.length > 1);
    expect(lines[1]).toBe('RabbitMQ accepts connections again');
    stop();
  });
});
