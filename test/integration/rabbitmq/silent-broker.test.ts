import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { topology } from '../../../infra/topology.ts';
import type { Login } from '../../../lib/rabbitmq/address.ts';
import { canLogIn } from '../../../lib/rabbitmq/admin/log-in.ts';
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
  routingKey: 'stock',
  body: Buffer.from('{}'),
  properties: { messageId: randomUUID(), headers: {} },
});

describe('a broker that takes a connection and says nothing', () => {
  let server: ReturnType<typeof createServer>;
  let sockets: Set<Socket>;
  /** How the next connections are treated; then as a broker would. */
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

  test('is given up in time for the same publish to go out on another connection', async () => {
    treatments = ['silent'];
    const publisher = createPublisher(connection(), systemClock, 10_000);
    await publisher.publish(message());
    expect(treatments).toEqual([]);
    await publisher.close();
    await eventually('both connections to be closed', () => sockets.size === 0);
  });

  test('but opens it later than a publish may wait: the next one uses it', async () => {
    treatments = [{ answersAfterMs: 1_000 }];
    const late = connection();
    await expect(late.link(50)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    const link = await late.link(30_000);
    expect(late.uses(link)).toBe(true);
    expect(sockets.size).toBe(1);
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('but opens it after its attempt was given up: one connection is left of the two', async () => {
    treatments = [{ answersAfterMs: 2_500 }];
    const late = connection();
    await expect(late.link(2_000)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    const link = await late.link(30_000);
    await eventually('the late one to be closed', () => sockets.size === 1);
    expect(late.uses(link)).toBe(true);
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('but opens it after the connection was closed here: it is closed', async () => {
    treatments = [{ answersAfterMs: 1_000 }];
    const late = connection();
    await expect(late.link(50)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await late.close();
    await eventually('it to be closed', () => sockets.size === 0);
  });

  test('is told within the time that a login check has', async () => {
    treatments = ['silent'];
    await expect(canLogIn(url(), administratorLogin, 300)).rejects.toThrow('no answer within 300 ms');
    expect(await canLogIn(url(), administratorLogin, 20_000)).toBe(true);
    await eventually('all to be closed', () => sockets.size === 0);
  });

  test('in the middle of its work is told as silence', async () => {
    treatments = [];
    const work = withConnection(
      url(),
      async (open) => {
        const channel = await open.createChannel();
        for (const socket of sockets) socket.unpipe().resume();
        await channel.checkQueue('stock');
      },
      500,
    );
    await expect(work).rejects.toThrow('no answer from the broker within 500 ms');
    await eventually('it to be closed', () => sockets.size === 0);
  });
});
