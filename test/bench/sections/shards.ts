import { join } from 'node:path';

import { exchanges } from '../../../infra/topology.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { defineTopology, workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { eventMessage } from '../../../lib/events/publish.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { orderCreated } from '../../../functions/orders/events.ts';
import { aVirtualHost } from '../../support/broker.ts';
import { orders, plenty, stockUp } from '../batches.ts';
import type { Bench, Measured } from '../protocol.ts';
import { rateOf } from '../shard-processes.ts';
import { openClient } from '../store.ts';

const MESSAGES = 3_000;
const SKUS = 1_000;
const FEW_SKUS = 10;

const SMALL_BATCH = 10;
const BATCH = 100;

/** The path of the bundled script that consumes one shard of the queue in a separate process. */
const ENVIRONMENT = join(import.meta.dirname, 'shard-environment.mjs');

/** Compares the throughput of a queue with 1, 2 and 4 shards. A separate process consumes each shard. */
export async function shards(bench: Bench): Promise<Measured> {
  const [one, two, four] = [
    await rate(bench, 1, SKUS, SMALL_BATCH),
    await rate(bench, 2, SKUS, SMALL_BATCH),
    await rate(bench, 4, SKUS, SMALL_BATCH),
  ];
  const [oneOfFew, fourOfFew] = [
    await rate(bench, 1, FEW_SKUS, SMALL_BATCH),
    await rate(bench, 4, FEW_SKUS, SMALL_BATCH),
  ];
  const [oneLarge, fourLarge] = [await rate(bench, 1, SKUS, BATCH), await rate(bench, 4, SKUS, BATCH)];
  return { two: two / one, four: four / one, few: fourOfFew / oneOfFew, large: fourLarge / oneLarge };
}

async function rate(bench: Bench, count: number, skus: number, batchSize: number): Promise<number> {
  const host = await aVirtualHost();
  try {
    const stock = workQueue('stock', { shards: count, bindings: { [exchanges.orders]: [orderCreated.type] } });
    const [endpoint] = await Promise.all([
      bench.freshStore(),
      declareTopology(host.amqpUrl, defineTopology({ stock })),
    ]);
    await stockUp(openClient(endpoint).client, skus, plenty);
    const errors = await host.publisher().publishAll(
      orders(MESSAGES, skus).map(({ id, body }) =>
        eventMessage(orderCreated, JSON.parse(body), {
          id: id as MessageId,
          appId: 'bench',
          publishedAtMs: Date.now(),
        }),
      ),
      () => 60_000,
    );
    const failed = errors.find((error) => error !== undefined);
    if (failed) throw failed;
    const settings = { url: host.amqpUrl, virtualHost: host.name, endpoint, batchSize };
    return await rateOf(
      ENVIRONMENT,
      stock.shards.map((shard) => ({ ...settings, shard })),
      MESSAGES,
    );
  } finally {
    await host.remove();
  }
}
