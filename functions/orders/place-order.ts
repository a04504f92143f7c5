import { tables } from '../../infra/tables.ts';
import { eventMessage } from '../../lib/events/envelope.ts';
import { lazyPublisher } from '../../lib/rabbitmq/lazy-publisher.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { config } from '../../lib/runtime/config.ts';
import { canonical } from '../../lib/http/auth/canonical.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { idempotencyKey } from '../../lib/http/idempotency/idempotency-key.ts';
import { oncePerKey } from '../../lib/http/idempotency/once-per-key.ts';
import { deriveId } from '../../lib/events/message-id.ts';
import { orderCreated } from './events.ts';
import { route } from './place-order-route.ts';

const publisher = lazyPublisher({ early: true });

/** POST /orders: accepts an order once the broker has confirmed its event. */
export const handler = endpoint(route, async (request) => {
  const { body, client, traceparent, tracestate } = request;
  const orderId = deriveId('order', client, idempotencyKey(request));
  request.note({ orderId });
  const message = eventMessage({
    event: orderCreated,
    // The same order must give the same bytes, or the consumers would take a repetition for another payload.
    data: canonical({ ...body, orderId }),
    id: orderId,
    correlationId: orderId,
    appId: config().SERVICE_NAME,
    publishedAtMs: systemClock.now(),
    traceparent,
    tracestate,
  });
  await oncePerKey({ table: tables.orders, key: { orderId }, payload: body, client }, () => publisher.publish(message));
  return { status: 202, body: { orderId, status: 'accepted' }, headers: { location: `/orders/${orderId}` } };
});
