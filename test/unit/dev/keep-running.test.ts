import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';

import { keepRunning } from '../../../infra/dev/runtime/keep-running.ts';
import { watchForeign } from '../../../infra/dev/runtime/watch-foreign.ts';
import { eventually } from '../../support/eventually.ts';

/** A part that is ended from outside; `restart` gives what the given outcomes say, and succeeds after them. */
function aPart(outcomes: readonly Error[] = []) {
  let listener: (how: string) => void = () => {};
  const remaining = [...outcomes];
  const part = {
    restarts: 0,
    async restart() {
      part.restarts += 1;
      const failure = remaining.shift();
      if (failure) throw failure;
    },
    onDeath: (given: typeof listener) => void (listener = given),
    die: (how: string) => listener(how),
  };
  return part;
}

function keeping(outcomes?: readonly Error[]) {
  const lines: string[] = [];
  const given: string[] = [];
  const part = aPart(outcomes);
  const stop = keepRunning(part, {
    name: 'RabbitMQ',
    say: (line) => void lines.push(line),
    giveUp: (reason) => void given.push(reason),
  });
  return { part, lines, given, stop };
}

describe('a part that was started here', () => {
  test('is started again when it ends, with one line', async () => {
    const { part, lines, given } = keeping();
    part.die('signal SIGKILL');
    await eventually('a restart', () => part.restarts === 1);
    expect(lines).toEqual(['RabbitMQ ended (signal SIGKILL); starting it again (1 of at most 5 times a minute)']);
    expect(given).toEqual([]);
  });

  test('is started once more where the restart fails', async () => {
    const { part, lines } = keeping([new Error('the port is taken')]);
    part.die('exit code 1');
    await eventually('a second restart', () => part.restarts === 2);
    expect(lines[1]).toContain('RabbitMQ ended (the port is taken)');
  });

  test('is given up with the reason after five restarts within a minute', async () => {
    const { part, lines, given } = keeping(Array.from({ length: 5 }, () => new Error('no space left on device')));
    part.die('exit code 1');
    await eventually('giving up', () => given.length === 1);
    expect(part.restarts).toBe(5);
    expect(lines).toHaveLength(5);
    expect(given[0]).toContain(
      'RabbitMQ was started again 5 times within a minute and ended once more (no space left on device)',
    );
    part.die('exit code 1');
    expect(part.restarts).toBe(5);
  });

  test('is left alone once it is being stopped', async () => {
    const { part, lines, stop } = keeping();
    stop();
    part.die('exit code 0');
    expect([part.restarts, lines]).toEqual([0, []]);
  });
});

describe('a part that was not started here', () => {
  let server: Server | undefined;
  const listen = (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      server = createServer((socket) => socket.destroy()).once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve((server!.address() as { port: number }).port));
    });
  const close = () => new Promise((resolve) => server!.close(resolve));
  afterEach(() => void server?.close());

  test('is reported once when it takes no connections, and once when it does again', async () => {
    const port = await listen(0);
    const lines: string[] = [];
    const stop = watchForeign(`amqp://guest:guest@127.0.0.1:${port}/vhost`, {
      name: 'RabbitMQ',
      say: (line) => void lines.push(line),
      everyMs: 20,
    });
    await close();
    await eventually('a report', () => lines.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(lines).toEqual(['RabbitMQ takes no connections; it is no process of npm start, which leaves it alone']);
    await listen(port);
    await eventually('a second report', () => lines.length > 1);
    expect(lines[1]).toBe('RabbitMQ takes connections again');
    stop();
  });
});
