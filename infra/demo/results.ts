import { setTimeout as sleep } from 'node:timers/promises';

import pMap from 'p-map';
import { withConnection } from 'surehop/amqp';

import { topology } from '../topology.ts';
import type { DevEnvironment } from '../dev/runtime/dev-environment.ts';
import { say } from '../dev/runtime/command-line.ts';
import type { AcceptedOrder, Results } from './ledger.ts';
import { request, skus, type OrderStatus } from './orders.ts';

const DONE_WITHIN_MS = 180_000;

/** Waits until every order has an outcome and every queue is empty. Then reads the stock, the points and the dead letters. */
export async function collectResults(
  environment: DevEnvironment,
  orders: readonly AcceptedOrder[],
  signal: AbortSignal,
): Promise<Results> {
  const { url } = environment.service;
  const token = await environment.service.token('dead-letters:read');
  const statuses = new Map<string, string>();
  const end = Date.now() + DONE_WITHIN_MS;
  for (;;) {
    signal.throwIfAborted();
    const pending = orders.filter(({ orderId }) => !isFinal(statuses.get(orderId)));
    await pMap(
      pending,
      async ({ orderId }) => statuses.set(orderId, (await request<OrderStatus>(`${url}/orders/${orderId}`)).status),
      { concurrency: 8 },
    );
    const open = orders.filter(({ orderId }) => isOpen(statuses.get(orderId))).length;
    const waiting = await messagesIn(environment.broker.amqpUrl);
    if ((open === 0 && waiting === 0) || Date.now() > end) break;
    say(`${orders.length - open} of ${orders.length} orders have an outcome; ${waiting} messages are in the queues`);
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
    deadLetters: (await request<{ deadLetters: Results['deadLetters'] }>(`${url}/dead-letters?limit=100`, { token }))
      .deadLetters,
  };
}

const isFinal = (status: string | undefined) => status === 'fulfilled' || status === 'rejected';

export const isOpen = (status: string | undefined) => !isFinal(status) && status !== 'dead-lettered';

async function messagesIn(amqpUrl: string): Promise<number> {
  const counts = await withConnection(amqpUrl, async (connection) => {
    const channel = await connection.createChannel();
    return Promise.all(topology.queues.map(({ name }) => channel.checkQueue(name)));
  });
  return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
}
