import { createServer, connect as connectSocket, type Server, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createConnection } from '../../../lib/rabbitmq/connection.ts';
import type { Message } from '../../../lib/events/message.ts';
import { createPublisher } from '../../../lib/rabbitmq/publisher.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';

let host: VirtualHost;

beforeAll(async () => {
  host = await aVirtualHost();
  await host.channel.assertExchange('shop', 'topic', { durable: true });
  await quorumQueue('all', {});
  await host.channel.bindQueue('all', 'shop', 'loan.#');
});

afterAll(() => host.remove());

const quorumQueue = (name: string, extra: Record<string, unknown>) =>
  host.channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'quorum', ...extra } });

const aMessage = (routingKey: string, id = 'message-1', body = 'hello', exchange = 'shop'): Message => ({
  exchange,
  routingKey,
  body: Buffer.from(body),
  properties: { messageId: id, headers: { 'surehop-attempt': 1 } },
});

describe('publish', () => {
  test('when a publish resolves, the broker has stored the message in a queue as a persistent message with the same body and message id', async () => {
    await host.publisher().publish(aMessage('loan.created', 'kept', 'body'));
    const [message] = await host.drain('all');
    expect(message).toMatchObject({
      content: Buffer.from('body'),
      properties: { messageId: 'kept', deliveryMode: 2, headers: { 'surehop-attempt': 1 } },
    });
  });

  test('a publish fails with UNROUTABLE if no queue receives the message, even though the broker confirms such a message', async () => {
    await expect(host.publisher().publish(aMessage('invoice.created'))).rejects.toMatchObject({
      code: 'UNROUTABLE',
      indeterminate: false,
      message: expect.stringContaining('routing key "invoice.created"'),
    });
  });

  test('a publish to a missing exchange fails with UNROUTABLE, and the other messages on the channel are confirmed', async () => {
    const publisher = host.publisher();
    const errors = await publisher.publishAll([
      aMessage('loan.created', 'before'),
      aMessage('loan.created', 'lost', 'x', 'nowhere'),
      aMessage('loan.created', 'after'),
    ]);
    expect(errors.map((error) => error?.code)).toEqual([undefined, 'UNROUTABLE', undefined]);
    const ids = (await host.drain('all')).map((message) => message && message.properties.messageId);
    expect(new Set(ids)).toEqual(new Set(['before', 'after']));
  });

  test('if no time is left to publish one of several messages, this message is not sent, and the other messages are still confirmed', async () => {
    const leftMs = [20_000, 0, 20_000];
    const messages = ['in time', 'too late', 'in time again'].map((id) => aMessage('loan.created', id));
    const errors = await host.publisher().publishAll(messages, () => leftMs.shift()!);
    expect(errors).toEqual([
      undefined,
      expect.objectContaining({ code: 'UNCONFIRMED', indeterminate: false }),
      undefined,
    ]);
    const ids = (await host.drain('all')).map((message) => message && message.properties.messageId);
    expect(new Set(ids)).toEqual(new Set(['in time', 'in time again']));
  });

  test.each(['surehop-identified-id', 'surehop-dead-letter-id'])(
    'if the broker returns one of several messages without a message id, the publisher recognizes the returned message by the header %s',
    async (header) => {
      // A headers exchange is the only exchange that can return one of two messages with the same routing key.
      await host.channel.assertExchange('by-header', 'headers', { durable: true });
      await host.channel.bindQueue('all', 'by-header', '', { 'x-match': 'all', wanted: 'yes' });
      const messages = Array.from({ length: 20 }, (_, index): Message => {
        const headers = { [header]: `k-${index}`, wanted: index === 13 ? 'no' : 'yes' };
        return { exchange: 'by-header', routingKey: 'same', body: Buffer.from('{}'), properties: { headers } };
      });
      const errors = await host.publisher().publishAll(messages);
      expect(errors.flatMap((error, index) => (error ? [`${index}: ${error.code}`] : []))).toEqual(['13: UNROUTABLE']);
      expect(await host.drain('all')).toHaveLength(19);
    },
  );

  test('a publish fails with REFUSED if the queue is full, and the queue keeps its messages', async () => {
    await quorumQueue('small', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    const publisher = host.publisher();
    const codes = new Set<string | undefined>();
    await eventually('a refusal', async () => {
      codes.add((await publisher.publishAll([aMessage('small', 'filler', 'x', '')]))[0]?.code);
      return codes.has('REFUSED');
    });
    expect([...codes]).toEqual([undefined, 'REFUSED']);
    expect((await host.drain('small')).length).toBeGreaterThan(0);
  });

  test('publishing a message to two queues fails with an indeterminate error if one of the queues is full, because the other queue may have the message', async () => {
    for (const [name, limit] of Object.entries({ full: 1, roomy: 1_000 })) {
      await quorumQueue(name, { 'x-max-length': limit, 'x-overflow': 'reject-publish' });
      await host.channel.bindQueue(name, 'shop', 'both');
    }
    const publisher = host.publisher();
    const error = await eventually('a refusal', async () => (await publisher.publishAll([aMessage('both')]))[0]);
    expect(error).toMatchObject({ code: 'REFUSED', indeterminate: true });
    const [full, roomy] = [await host.drain('full'), await host.drain('roomy')];
    expect(roomy.length).toBeGreaterThan(full.length);
  });

  test('publishing a message fails before any byte is sent if its headers do not fit into one AMQP frame, and the error names the header that is too large', async () => {
    const message = aMessage('loan.created');
    const withHeader = (bytes: number) => {
      const properties = { ...message.properties, headers: { long: 'x'.repeat(bytes) } };
      return { ...message, properties };
    };
    const publisher = host.publisher();
    await expect(publisher.publish(withHeader(131_072))).rejects.toMatchObject({
      code: 'UNWRITABLE',
      indeterminate: false,
      message: expect.stringContaining('header "long" (too large'),
    });
    await publisher.publish(withHeader(130_900));
    expect(await host.drain('all')).toHaveLength(1);
    await publisher.publish(aMessage('loan.created', 'next'));
    expect(await host.drain('all')).toHaveLength(1);
  });
});

describe('refused content', () => {
  test('if the broker refuses a message because of the content of the message, only the publish of this message fails, and messages published at the same time are confirmed', async () => {
    const publisher = host.publisher(20_000);
    // RabbitMQ closes the channel if the header CC is not a list of strings.
    const refused = { ...aMessage('loan.created', 'refused') };
    const bad = { ...refused, properties: { ...refused.properties, headers: { CC: 5 } } };
    const good = (id: string) => aMessage('loan.created', id);
    const answers = await publisher.publishAll([good('1'), bad, good('2'), good('3')]);
    expect(answers.map((answer) => answer?.code)).toEqual([undefined, 'UNWRITABLE', undefined, undefined]);
    const ids = (await host.drain('all')).map((message) => message && message.properties.messageId);
    expect([...new Set(ids)].toSorted()).toEqual(['1', '2', '3']);
  });
});

describe('unreachable broker', () => {
  test('a publish to an unreachable broker fails by its deadline with an error that does not contain the login', async () => {
    const url = 'amqp://someone:hushhush@127.0.0.1:1/';
    const connection = createConnection({
      url: async () => url,
      heartbeatSeconds: 10,
      clock: systemClock,
      name: 'test',
    });
    const publish = createPublisher(connection, systemClock, 300).publish(aMessage('loan.created'));
    await expect(publish).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE', indeterminate: false });
    await expect(publish).rejects.not.toMatchObject({ message: expect.stringContaining('hushhush') });
  });
});

describe('failing network', () => {
  let proxy: FaultyProxy;
  beforeAll(async () => {
    proxy = await faultyProxy(new URL(host.amqpUrl));
  });
  afterAll(() => proxy.close());

  const publisherThroughProxy = (deadlineMs: number, now = systemClock.now) => {
    const url = new URL(host.amqpUrl);
    url.port = String(proxy.port);
    const connection = createConnection({
      url: async () => url.href,
      heartbeatSeconds: 10,
      clock: { now },
      name: 'test',
    });
    return createPublisher(connection, systemClock, deadlineMs);
  };

  test('if the connection is reset before the broker confirms a message, the message is sent again with the same id on a new connection', async () => {
    const publisher = publisherThroughProxy(10_000);
    await publisher.publish(aMessage('loan.created', 'warm'));
    proxy.resetOnNextReply();
    await publisher.publish(aMessage('loan.created', 'again'));
    const ids = (await host.drain('all')).map((message) => message && message.properties.messageId);
    // The broker has the message twice, because only the confirm of the first copy was lost.
    expect(ids).toEqual(['warm', 'again', 'again']);
    await publisher.close();
  });

  test('if the broker stops answering on a connection, a publish fails by its deadline and the next publish opens a new connection', async () => {
    const publisher = publisherThroughProxy(600);
    await publisher.publish(aMessage('loan.created', 'warm'));
    proxy.hold(true);
    await expect(publisher.publish(aMessage('loan.created', 'held'))).rejects.toMatchObject({
      code: expect.stringMatching(/UNCONFIRMED|BROKER_UNAVAILABLE/),
      indeterminate: true,
    });
    proxy.hold(false);
    await publisher.publish(aMessage('loan.created', 'fresh'), 10_000);
    await host.drain('all');
    await publisher.close();
  });

  test('after a process was frozen for longer than the broker waits for a heartbeat, the next publish of the process immediately opens a new connection', async () => {
    let skewMs = 0;
    const publisher = publisherThroughProxy(10_000, () => Date.now() + skewMs);
    await publisher.publish(aMessage('loan.created', 'warm'));
    const before = proxy.connections();
    skewMs = 60_000;
    await publisher.publish(aMessage('loan.created', 'thawed'));
    expect(proxy.connections()).toBe(before + 1);
    await host.drain('all');
    await publisher.close();
  });
});

interface FaultyProxy {
  readonly port: number;
  connections(): number;
  /** Makes the proxy discard the next bytes that the broker sends, and reset the connection. */
  resetOnNextReply(): void;
  /** Makes the proxy discard all bytes in both directions between the calls `hold(true)` and `hold(false)`. */
  hold(held: boolean): void;
  close(): void;
}

/** A TCP proxy that can interrupt connections to the broker. */
async function faultyProxy(broker: URL): Promise<FaultyProxy> {
  let [resetNext, held, connections] = [false, false, 0];
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    connections += 1;
    const upstream = connectSocket(Number(broker.port), broker.hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    client.on('data', (data) => held || upstream.write(data));
    upstream.on('data', (data) => {
      if (resetNext) {
        resetNext = false;
        client.resetAndDestroy();
        upstream.destroy();
      } else if (!held) client.write(data);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    connections: () => connections,
    resetOnNextReply: () => (resetNext = true),
    hold: (value) => (held = value),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
