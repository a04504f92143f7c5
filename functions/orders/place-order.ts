import { tables } from '../../infra/tables.ts';
import { lazyPublisher } from '../../lib/rabbitmq/lazy-publisher.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { config } from '../../lib/runtime/config.ts';
import { canonical } from '../../lib/http/auth/canonical.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { idempotencyKey } from '../../lib/http/idempotency/idempotency-key.ts';
import { oncePerKey } from '../../lib/http/idempotency/once-per-key.ts';
import { deriveId } from '../../lib/events/message-id.ts';
import { eventPublisher } from '../../lib/events/publish.ts';
import { orderCreated } from './events.ts';
import { route } from './place-order-route.ts';

const publishEvent = eventPublisher({
  appId: config().SERVICE_NAME,
  publisher: lazyPublisher({ early: true }),
  clock: systemClock,
});

/** POST /orders: accepts an order once the broker has confirmed its event. */
export const handler = endpoint(route, async (request) => {
  const { body, client } = request;
  const orderId = deriveId('order', client, idempotencyKey(request));
  request.note({ orderId });
  await oncePerKey({ table: tables.orders, key: { orderId }, payload: body, client }, () =>
    // Canonical JSON: a repeated request must publish the same bytes, or consumers report a payload mismatch.
    publishEvent(orderCreated, canonical({ ...body, orderId }), { id: orderId, trace: request }),
  );
  return { status: 202, body: { orderId, status: 'accepted' }, headers: { location: `/orders/${orderId}` } };
});
