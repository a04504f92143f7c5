import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect as connectSocket, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkQueues } from '../../../infra/emulator/check-queues.ts';
import { createHarness, handlerOf, until } from './harness.ts';
import type { Harness } from './harness.ts';

const hourMs = 3_600_000;

describe('the life cycle of an emulated event source', () => {
  let harness: Harness;
  beforeAll(async () => (harness = await createHarness()));
  afterAll(() => harness.close());

  test('when the connection to the broker breaks, the emulated event source finishes the running batch, and receives the same batch again after reconnecting', async () => {
    const proxy = await startProxy(harness.url);
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a', 'b']);
    const source = await harness.run(queue, handlerOf('say({ ids, redelivered }); await sleep(1000); say("done");'), {
      url: proxy.url,
      batchSize: 2,
    });
    await until('the function has begun', () => source.lines.length === 1);
    proxy.cut();
    await until('the open batch has ended', () => source.reports.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(source.warnings).toEqual([expect.stringContaining('lost the connection to the broker')]);
    expect(source.notices).toEqual([]);
    proxy.restore();
    await until('the batch is invoked again', () => source.reports.length === 2);
    await source.stop();
    proxy.close();
    expect(source.said()).toEqual([
      { ids: ['a', 'b'], redelivered: false },
      'done',
      { ids: ['a', 'b'], redelivered: true },
      'done',
    ]);
    expect(source.warnings).toHaveLength(1);
    expect(source.notices).toEqual([expect.stringContaining('reconnected to the broker')]);
    expect(await harness.takeAll(queue)).toBe(0);
  });

  test('if the connection breaks when only the first of two AMQP consumers has received messages, the broker delivers these messages again, and each message is processed once', async () => {
    const proxy = await startProxy(harness.url, cutAfterFirstDelivery());
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a', 'b']);
    const source = await harness.run(queue, handlerOf('say({ ids, redelivered });'), {
      url: proxy.url,
      concurrency: 2,
      batchSize: 1_000,
      batchingWindowMs: 3_000,
    });
    const received = () => source.said<{ ids: string[]; redelivered: boolean }>();
    await until('both messages are processed', () => received().flatMap(({ ids }) => ids).length >= 2);
    await source.stop();
    proxy.close();
    expect(source.warnings).toEqual([expect.stringContaining('lost the connection to the broker')]);
    expect(
      received()
        .flatMap(({ ids }) => ids)
        .toSorted(),
    ).toEqual(['a', 'b']);
    expect(received().every(({ redelivered }) => redelivered)).toBe(true);
    expect(await harness.takeAll(queue)).toBe(0);
  });

  test('stopping an emulated event source while it is connecting to the broker leaves no consumer, and leaves all messages in the queue', async () => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a']);
    const source = await harness.run(queue, handlerOf('say(ids);'));
    await source.stop();
    expect(source.reports).toEqual([]);
    await until('the queue has its message', async () => {
      const { consumerCount, messageCount } = await harness.channel.checkQueue(queue);
      return consumerCount === 0 && messageCount === 1;
    });
  });

  test('when the emulated event source is stopped, it finishes the running batch and returns all other messages to the queue', async () => {
    const queue = await harness.declareQueue();
    const source = await harness.run(queue, handlerOf('say(ids); await sleep(1500); say("done");'), {
      batchSize: 10,
    });
    await harness.publish(queue, ['a', 'b']);
    await until('the function has begun', () => source.lines.length === 1);
    await harness.publish(queue, ['c']);
    await until(
      'the third message is fetched',
      async () => (await harness.channel.checkQueue(queue)).messageCount === 0,
    );
    await source.stop();
    expect(source.said()).toEqual([['a', 'b'], 'done']);
    expect(source.reports).toMatchObject([{ outcome: 'success', records: 2 }]);
    expect(await harness.takeAll(queue)).toBe(1);
  });

  test('the emulated event source logs that the queue was deleted, and continues when the queue is declared again', async () => {
    const queue = await harness.declareQueue();
    const source = await harness.run(queue, handlerOf('say(ids);'));
    await harness.publish(queue, ['a']);
    await until('the first batch is invoked', () => source.reports.length === 1);
    await harness.channel.deleteQueue(queue);
    await until('the loss is reported', () => source.warnings.length === 1);
    expect(source.warnings[0]).toContain('was it deleted?');
    await harness.channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await harness.publish(queue, ['b']);
    await until('the second batch is invoked', () => source.reports.length === 2);
    await source.stop();
    expect(source.said()).toEqual([['a'], ['b']]);
  });

  test('after the code of a function was rebuilt, the emulated event source finishes the running batch with the old code and uses the new code for the next batch', async () => {
    const queue = await harness.declareQueue();
    const source = await harness.run(queue, handlerOf('say("old"); await sleep(500); say("old done");'), {
      batchSize: 1,
    });
    await harness.publish(queue, ['a']);
    await until('the function has begun', () => source.lines.length === 1);
    await writeFile(`${source.modulePath}.mjs`, handlerOf('say("new");'));
    source.renew();
    await harness.publish(queue, ['b']);
    await until('both batches are invoked', () => source.reports.length === 2);
    await source.stop();
    expect(source.said()).toEqual(['old', 'old done', 'new']);
    expect(source.reports).toMatchObject([{ outcome: 'success' }, { outcome: 'success' }]);
  });

  test('if the process of the emulated event source is killed, the processes of the emulated functions also end, even a process in an endless loop', async () => {
    const environmentModule = new URL('../../../infra/emulator/environment.ts', import.meta.url).href;
    const modulePath = await harness.writeModule(
      'export const handler = async () => { console.log(process.pid); for (;;); };',
    );
    const parent = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', parentOf(environmentModule, modulePath)],
      {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [line] = (await new Promise((resolve) =>
      createInterface({ input: parent.stdout }).once('line', (...line) => resolve(line)),
    )) as [string];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until('the function has ended', () => !isAlive(pid));
  });
});

describe('the check before an event source starts', () => {
  let harness: Harness;
  beforeAll(async () => (harness = await createHarness()));
  afterAll(() => harness.close());

  test('checkQueues reports no problem if all queues with an event source exist', async () => {
    const queue = await harness.declareQueue();
    const required = [{ functionKey: 'reserve', queue, virtualHost: harness.virtualHost }];
    await expect(checkQueues(harness.url, required)).resolves.toBeUndefined();
  });

  test.each([
    [
      'a missing queue',
      {},
      /^No queue "absent" in virtual host .* which function "reserve" consumes: declare the queue/,
    ],
    [
      'a missing virtual host',
      { virtualHost: 'absent' },
      /^No virtual host "absent" for this user .*: create the virtual host/,
    ],
    [
      'an unavailable broker',
      { url: 'amqp://guest:secret@127.0.0.1:1' },
      /^No RabbitMQ at 127\.0\.0\.1:1.*: start RabbitMQ/,
    ],
  ])(
    'checkQueues reports %s, and says how to fix the problem',
    async (_name, { url, ...part }: { url?: string; virtualHost?: string }, message) => {
      const required = { functionKey: 'reserve', queue: 'absent', virtualHost: harness.virtualHost, ...part };
      const checking = checkQueues(url ?? harness.url, [required]);
      await expect(checking).rejects.toThrow(message);
      await expect(checking).rejects.not.toThrow(/guest|secret/);
    },
  );
});

function parentOf(environmentModule: string, modulePath: string): string {
  return `
    const { createEnvironment } = await import(${JSON.stringify(environmentModule)});
    const environment = createEnvironment({
      modulePath: ${JSON.stringify(modulePath)},
      exportName: 'handler',
      workingDirectory: process.cwd(),
      variables: {},
      timeoutMs: ${hourMs},
      memoryMb: 128,
      onLine: (line) => console.log(line),
    });
    await environment.invoke('{}');`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

interface Proxy {
  url: string;
  cut(): void;
  restore(): void;
  close(): void;
}

/**
 * Starts a TCP proxy in front of the broker. After `cut()`, clients lose their connections and cannot open new ones.
 */
async function startProxy(
  url: string,
  joinSockets: (near: Socket, far: Socket) => void = (near, far) => void near.pipe(far).pipe(near),
): Promise<Proxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server: Server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connectSocket(Number(target.port || 5672), target.hostname);
    joinSockets(near, far);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxied = new URL(url);
  proxied.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: proxied.href,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    restore: () => void (isCut = false),
    close: () => void server.close(),
  };
}

const BASIC_CONSUME = Buffer.from([0, 60, 0, 20]);
const BASIC_DELIVER = Buffer.from([0, 60, 0, 60]);

/**
 * Returns the connection handler of a proxy between a client and the broker. On the first connection, the proxy
 * forwards only the first basic.consume, and breaks the connection after the first delivery.
 */
function cutAfterFirstDelivery(): (near: Socket, far: Socket) => void {
  let isFirst = true;
  return (near, far) => {
    if (!isFirst) return void near.pipe(far).pipe(near);
    isFirst = false;
    let isConsuming = false;
    near.on('data', (bytes) => {
      const end = isConsuming ? 0 : endOfFrameWith(BASIC_CONSUME, bytes);
      isConsuming ||= end !== undefined;
      far.write(bytes.subarray(0, end));
    });
    far.on('data', (bytes) => {
      near.write(bytes);
      if (bytes.includes(BASIC_DELIVER)) near.end(() => far.destroy());
    });
  };
}

/** Returns the position in `bytes` after the AMQP frame that contains the given method. */
function endOfFrameWith(method: Buffer, bytes: Buffer): number | undefined {
  const payload = bytes.indexOf(method);
  // In front of the payload of a frame are its type, its channel and its size; behind the payload is one byte.
  return payload === -1 ? undefined : payload + bytes.readUInt32BE(payload - 4) + 1;
}
