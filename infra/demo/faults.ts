import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import pMap from 'p-map';
import { withConnection } from 'surehop/amqp';

import { exchanges } from '../topology.ts';
import type { DevEnvironment } from '../dev/runtime/dev-environment.ts';
import { say } from '../dev/runtime/command-line.ts';
import { repairItem } from './corrupt-items.ts';
import { place, request, type DemoOrder, type OrderStatus } from './orders.ts';

/** Kills the broker with SIGKILL and restarts it with the same data. */
export async function killBroker({ broker }: DevEnvironment): Promise<void> {
  say('killing the broker with SIGKILL under load');
  await broker.kill();
  await broker.restart();
  say('the broker is running again with the same data');
}

/**
 * Waits until three attempts to award the points of each order have failed because of a corrupt DynamoDB item, and then
 * deletes this item.
 */
export async function repairOnceRetried(
  environment: DevEnvironment,
  failing: readonly DemoOrder[],
  signal: AbortSignal,
): Promise<void> {
  await pMap(
    failing,
    async (order) => {
      const { orderId } = await place(environment.service.url, order, signal);
      for (;;) {
        signal.throwIfAborted();
        const points = await request<OrderStatus>(`${environment.service.url}/orders/${orderId}`).then(
          ({ consumers }) => consumers.points,
          () => undefined,
        );
        if (points?.outcome === 'retrying' ? points.attempt === 3 : points?.outcome === 'dead-lettered') break;
        await sleep(200);
      }
      await repairItem(environment, order.customerId);
    },
    { concurrency: failing.length },
  );
}

/**
 * Publishes `count` malformed messages directly to the exchange. No consumer can parse a malformed message, and
 * therefore each of the messages must become a dead letter.
 */
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
