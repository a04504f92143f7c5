import * as z from 'zod';

import { customerId, sku } from './events.ts';

const at = z.iso.datetime();

export const acceptedOrder = z.strictObject({ orderId: z.uuid(), status: z.literal('accepted') });

/** Where an order stands with one consumer. */
const consumerOutcome = z.strictObject({
  outcome: z.enum(['pending', 'completed', 'rejected', 'retrying', 'dead-lettered']),
  at: at.optional(),
  attempt: z.int().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  deadLetterId: z.string().optional(),
});

export const standingOrder = z.strictObject({
  orderId: z.string(),
  status: z.enum(['publishing', 'accepted', 'fulfilled', 'rejected', 'dead-lettered']),
  reason: z.string().optional(),
  acceptedAt: at.optional(),
  consumers: z.record(z.string(), consumerOutcome),
});

export const shelf = z.strictObject({ sku, available: z.int() });

export const pointsOfCustomer = z.strictObject({ customerId, points: z.int() });
