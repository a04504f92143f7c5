import type { Route } from '../../lib/http/route.ts';
import { signature } from '../../lib/http/auth/signature.ts';
import { acceptedOrder } from './answers.ts';
import { order } from './events.ts';

/** Who may ask for it, with what, and what is answered. */
export const route = {
  route: 'POST /orders',
  summary: 'Accepts an order once the broker has confirmed its event; the same key and order are answered the same.',
  access: signature,
  body: order,
  answers: { 202: acceptedOrder },
  problems: [
    'missing-idempotency-key',
    'invalid-idempotency-key',
    'idempotency-key-mismatch',
    'idempotency-key-reused',
    'request-in-progress',
    'unroutable',
    'refused',
    'blocked',
    'unconfirmed',
    'broker-unavailable',
  ],
  example: {
    body: { customerId: 'ada', currency: 'EUR', items: [{ sku: 'apple', quantity: 2, unitPrice: 150 }] },
    answer: { orderId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10', status: 'accepted' },
  },
} satisfies Route;
