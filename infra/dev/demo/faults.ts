import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import pMap from 'p-map';

import { withConnection } from '../../../lib/rabbitmq/open-connection.ts';
import { exchanges } from '../../topology.ts';
import type { Laptop } from '../runtime/dev-environment.ts';
import { say } from '../runtime/command-line.ts';
import { mend } from './corrupt-items.ts';
import { place, request, type DemoOrder, type OrderStatus } from './orders.ts';

export async function killBroker({ broker }: Laptop): Promise<void> {
  say('killing the broker with SIGKILL, in the middle of it');
  await broker.kill();
  await broker.restart();
  say('the broker is back, with the same data');
}

/** The awards that fail do so for a real reason, a spoilt item; it is mended once three attempts have failed. */
export async function mendOnceRetried(
  { service, store }: Laptop,
  jammed: readonly DemoOrder[],
  signal: AbortSignal,
): Promise<void> {
  await pMap(
    jammed,
    async (order) => {
      const { orderId } = await place(service.url, order, signal);
      for (;;) {
        signal.throwIfAborted();
        const points = await request<OrderStatus>(`${service.url}/orders/${orderId}`).then(
          ({ consumers }) => consumers.points,
          () => undefined,
        );
        if (points?.outcome === 'retrying' ? points.attempt === 3 : points?.outcome === 'dead-lettered') break;
        await sleep(200);
      }
      await mend(store.endpoint, order.customerId);
    },
    { concurrency: jammed.length },
  );
}

/** Messages that no consumer can read, straight onto the exchange, past the HTTP function. */
export async function publishMalformed(amqpUrl: string, count: number): Promise<void> {
  await withConnection(amqpUrl, async (connection) => {
    const channel = await connection.createConfirmChannel();
    for (let index = 0; index < count; index += 1) {
      const body = index % 2 ? `{"orderId": "${index}"` : `{"orderId": "not an order ${index}"}`;
      channel.publish(exchanges.orders, 'order.created', Buffer.from(body), {
        messageId: randomUUID(),
        persistent: true,
        type: 'order.created',
      });
    }
    await channel.waitForConfirms();
  });
}
