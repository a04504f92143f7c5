import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { topology } from '../../support/example/topology.ts';
import type { Login } from '../../../lib/rabbitmq/address.ts';
import { canLogIn } from '../../../lib/rabbitmq/open-connection.ts';
import { createConnection } from '../../../lib/rabbitmq/connection.ts';
import { withConnection } from '../../../lib/rabbitmq/open-connection.ts';
import { createPublisher } from '../../../lib/rabbitmq/publisher.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { administrator } from '../../support/deployed-logins.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';

let host: VirtualHost;
const administratorLogin = JSON.parse(administrator()) as Login;

beforeAll(async () => {
  host = await aVirtualHost();
  await declareTopology(host.amqpUrl, topology);
});
afterAll(() => host?.remove());

const message = () => ({
  exchange: '',
  routingKey: 'loans',
  body: Buffer.from('{}'),
  properties: { messageId: randomUUID(), headers: {} },
});

describe('silent broker', () => {
  let server: ReturnType<typeof createServer>;
  let sockets: Set<Socket>;
  /**
   * How the proxy treats its next connections: each entry applies to one connection, which gets no answer or a delayed
   * one. Later connections reach the broker without a delay.
   */
  let treatments: ('silent' | { readonly answersAfterMs: number })[];

  beforeAll(async () => {
    sockets = new Set();
    const real = new URL(host.amqpUrl);
    server = createServer((client) => {
      sockets.add(client);
      client.on('error', () => {}).on('close', () => sockets.delete(client));
      const treatment = treatments.shift();
      if (treatment === 'silent') return void client.resume();
      const upstream = connect(Number(real.port), real.hostname).on('error', () => {});
      client.on('close', () => upstream.destroy());
      upstream.on('close', () => client.destroy());
      if (!treatment) return void client.pipe(upstream).pipe(client);
      client.pipe(upstream);
      setTimeout(() => upstream.pipe(client), treatment.answersAfterMs);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());

  const url = () => {
    const address = new URL(host.amqpUrl);
    address.port = String((server.address() as AddressInfo).port);
    return address.href;
  };
  const connection = () =>
    createConnection({ url: async () => url(), heartbeatSeconds: 10, clock: systemClock, name: 'test' });

  test('if the broker does not answer on the first connection, a publish succeeds on another connection before its deadline', async () => {
    treatments = ['silent'];
    const publisher = createPublisher(connection(), systemClock, 10_000);
    await publisher.publish(message());
    expect(treatments).toEqual([]);
    await publisher.close();
    await eventually('both connections to be closed', () => sockets.size === 0);
  });

  test('a connection to the broker that opens after its caller has timed out is used for the next caller', async () => {
    treatments = [{ answersAfterMs: 1_000 }];
    const late = connection();
    await expect(late.link(50)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    const link = await late.link(30_000);
    expect(late.uses(link)).toBe(true);
    expect(sockets.size).toBe(1);
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('if a connection to the broker opens only after its time limit and another connection is already open, the late connection is closed', async () => {
    treatments = [{ answersAfterMs: 2_500 }];
    const late = connection();
    await expect(late.link(2_000)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    const link = await late.link(30_000);
    await eventually('the late one to be closed', () => sockets.size === 1);
    expect(late.uses(link)).toBe(true);
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('if a publisher is closed while its connection is still being opened, the connection is closed as soon as it opens', async () => {
    treatments = [{ answersAfterMs: 1_000 }];
    const late = connection();
    await expect(late.link(50)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('the function canLogIn fails within its time limit if the broker does not answer', async () => {
    treatments = ['silent'];
    await expect(canLogIn(url(), administratorLogin, 300)).rejects.toThrow('no answer within 300 ms');
    expect(await canLogIn(url(), administratorLogin, 20_000)).toBe(true);
    await eventually('all to be closed', () => sockets.size === 0);
  });

  test('an AMQP operation fails with "the broker did not answer" if the broker stops answering on an open connection', async () => {
    treatments = [];
    const work = withConnection(
      url(),
      async (open) => {
        const channel = await open.createChannel();
        for (const socket of sockets) socket.unpipe().resume();
        await channel.checkQueue('loans');
      },
      500,
    );
    await expect(work).rejects.toThrow('the broker did not answer within 500 ms');
    await eventually('it to be closed', () => sockets.size === 0);
  });
});
