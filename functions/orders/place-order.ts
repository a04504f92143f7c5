import { deriveId } from 'surehop/events';
import { endpoint } from 'surehop/http';
import { canonical, createOncePerKey, idempotencyKey } from 'surehop/idempotency';
import { eventPublisher } from 'surehop/rabbitmq';

import { tables } from '../../infra/tables.ts';
import { surehop } from '../surehop.ts';
import { orderCreated } from './events.ts';
import { route } from './place-order-route.ts';

const oncePerKey = createOncePerKey(surehop);
const publishEvent = eventPublisher(surehop);

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
