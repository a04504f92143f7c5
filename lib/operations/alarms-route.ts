import * as z from 'zod';

import { operator } from '../http/auth/operator.ts';
import type { Route } from '../http/endpoint.ts';

const at = z.iso.datetime();

const alarmSchema = z.strictObject({
  name: z.string(),
  severity: z.enum(['critical', 'warning']),
  /** The state of the alarm. `unknown` means that CloudWatch has too little data to evaluate the alarm. */
  state: z.enum(['ok', 'alarm', 'unknown']),
  since: at,
  /** What the alarm means and what to do first. */
  description: z.string(),
  /** Why the alarm is in its current state, in the words of CloudWatch. */
  reason: z.string(),
});

/**
 * The schema of the response with all alarms. Under `npm start`, where CloudWatch does not exist, the response contains
 * a reason instead of alarms.
 */
const alarmsSchema = z.discriminatedUnion('available', [
  z.strictObject({ available: z.literal(true), alarms: z.array(alarmSchema) }),
  z.strictObject({ available: z.literal(false), reason: z.string() }),
]);

export type Alarm = z.infer<typeof alarmSchema>;

export const alarmsRoute = {
  route: 'GET /alarms',
  summary: 'Returns the state of each alarm of the stage, raised alarms first.',
  access: operator('status:read'),
  answers: { 200: alarmsSchema },
  problems: ['alarms-unavailable'],
  example: {
    answer: {
      available: true,
      alarms: [
        {
          name: 'queue-invoices-deep',
          severity: 'warning',
          state: 'alarm',
          since: '2026-11-22T11:55:00.000Z',
          description: 'More than 1000 messages have been waiting in invoices for five minutes. Runbook: a full queue.',
          reason: 'Threshold Crossed: 5 datapoints were greater than the threshold (1000.0).',
        },
      ],
    },
  },
} satisfies Route;
