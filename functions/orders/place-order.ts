import { tables } from '../../infra/tables.ts';
import { deriveId } from '../../lib/events/message-id.ts';
import { eventPublisher } from '../../lib/events/publish.ts';
import { canonical } from '../../lib/http/idempotency/canonical.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { idempotencyKey } from '../../lib/http/idempotency/idempotency-key.ts';
import { createOncePerKey } from '../../lib/http/idempotency/once-per-key.ts';
import { lazyPublisher } from '../../lib/rabbitmq/lazy-publisher.ts';
import { surehop } from '../surehop.ts';
import { orderCreated } from './events.ts';
import { route } from './place-order-route.ts';

const oncePerKey = createOncePerKey(surehop);
const publishEvent = eventPublisher(surehop, lazyPublisher(surehop, { early: true }));

/** POST /orders: answers 202 as soon as the broker has confirmed the event of the order. */
export const handler = endpoint(surehop, route, async (request) => {
  const orderId = deriveId('order', request.client, idempotencyKey(request));
  request.note({ orderId });
  await oncePerKey(request, { table: tables.orders, key: { orderId } }, () =>
    // The event is canonical JSON, because a repeated request must publish the same bytes; otherwise consumers report a payload
    // mismatch.
    publishEvent(orderCreated, canonical({ ...request.body, orderId }), { id: orderId, trace: request }),
  );
  return { status: 202, body: { orderId, status: 'accepted' }, headers: { location: `/orders/${orderId}` } };
});
