import { setTimeout as sleep } from 'node:timers/promises';

import pMap from 'p-map';

import { withConnection } from '../../../lib/rabbitmq/open-connection.ts';
import { topology } from '../../topology.ts';
import type { Laptop } from '../runtime/dev-environment.ts';
import { say } from '../runtime/command-line.ts';
import type { AcceptedOrder, Found } from './ledger.ts';
import { request, skus, type OrderStatus } from './orders.ts';

const QUIET_WITHIN_MS = 180_000;

/** Waits until every order has ended and every queue is empty, then looks at everything. */
export async function lookWhenQuiet(
  laptop: Laptop,
  orders: readonly AcceptedOrder[],
  signal: AbortSignal,
): Promise<Found> {
  const { url } = laptop.service;
  const token = await laptop.service.token('dead-letters:read');
  const statuses = new Map<string, string>();
  const end = Date.now() + QUIET_WITHIN_MS;
  for (;;) {
    signal.throwIfAborted();
    const pending = orders.filter(({ orderId }) => !['fulfilled', 'rejected'].includes(statuses.get(orderId) ?? ''));
    await pMap(
      pending,
      async ({ orderId }) => statuses.set(orderId, (await request<OrderStatus>(`${url}/orders/${orderId}`)).status),
      { concurrency: 8 },
    );
    const open = [...statuses.values()].filter((status) => status === 'accepted').length;
    const waiting = await messagesIn(laptop.broker.amqpUrl);
    if ((open === 0 && waiting === 0) || Date.now() > end) break;
    say(`${orders.length - open} of ${orders.length} orders have ended, ${waiting} messages wait`);
    await sleep(1_000);
  }
  const read = async <T>(names: readonly string[], one: (name: string) => Promise<T>) =>
    new Map(await pMap(names, async (name) => [name, await one(name)] as const, { concurrency: 8 }));
  return {
    statuses,
    stock: await read(skus, async (sku) => (await request<{ available: number }>(`${url}/stock/${sku}`)).available),
    points: await read(
      orders.map(({ customerId }) => customerId),
      async (id) => (await request<{ points: number }>(`${url}/customers/${id}/points`)).points,
    ),
    deadLetters: (await request<{ deadLetters: Found['deadLetters'] }>(`${url}/dead-letters?limit=100`, { token }))
      .deadLetters,
  };
}

async function messagesIn(amqpUrl: string): Promise<number> {
  const counts = await withConnection(amqpUrl, async (connection) => {
    const channel = await connection.createChannel();
    return Promise.all(topology.queues.map(({ name }) => channel.checkQueue(name)));
  });
  return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
}
