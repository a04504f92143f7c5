import { orderRejected } from '../../../functions/orders/events.ts';
import { totalOf } from '../../../functions/orders/total.ts';
import { topology } from '../../../infra/topology.ts';
import { applyTopology } from '../../../lib/broker/apply-topology.ts';
import { eventMessage } from '../../../lib/broker/envelope.ts';
import { deriveId } from '../../../lib/message-id.ts';
import { aVirtualHost } from '../../support/broker.ts';
import { plenty } from '../batches.ts';
import { compare } from '../comparison.ts';
import type { Bench, Measured } from '../protocol.ts';
import { openRaw } from '../publishers/raw.ts';
import { latency } from '../store.ts';

const SOLD_OUT_AFTER = 5;

/** One SKU of ten is sold out soon: its orders are rejected, which both sides publish with confirms. */
export async function soldOut(bench: Bench): Promise<Measured> {
  const host = await aVirtualHost();
  await applyTopology(host.amqpUrl, topology);
  const raw = await openRaw(host.amqpUrl);
  try {
    const { ratio } = await compare(bench, {
      skus: 10,
      latency,
      available: (n) => (n === 3 ? SOLD_OUT_AFTER : plenty()),
      publisher: host.publisher(),
      reject: (order) => {
        const { orderId, customerId, currency } = order;
        const data = { orderId, customerId, currency, total: totalOf(order), reason: 'OUT_OF_STOCK' as const };
        const id = deriveId(orderId, orderRejected.type, '0');
        return raw.publish(
          eventMessage({
            event: orderRejected,
            data,
            id,
            correlationId: orderId,
            appId: 'bench',
            publishedAtMs: Date.now(),
          }),
        );
      },
    });
    return { ratio };
  } finally {
    await raw.close();
    await host.remove();
  }
}
