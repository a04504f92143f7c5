import { topology } from '../../../infra/topology.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { aVirtualHost } from '../../support/broker.ts';
import { plenty } from '../batches.ts';
import { compare } from '../comparison.ts';
import type { Bench, Measured } from '../protocol.ts';
import { latency } from '../store.ts';

const SOLD_OUT_AFTER = 5;

/**
 * Compares Surehop with Powertools while one of ten SKUs is sold out. Both consumers reject the orders for this SKU and
 * publish an event for each rejection.
 */
export async function soldOut(bench: Bench): Promise<Measured> {
  const host = await aVirtualHost();
  await declareTopology(host.amqpUrl, topology);
  try {
    const available = (n: number) => (n === 3 ? SOLD_OUT_AFTER : plenty());
    return { ratio: (await compare(bench, { skus: 10, latency, available, amqpUrl: host.amqpUrl })).ratio };
  } finally {
    await host.remove();
  }
}
