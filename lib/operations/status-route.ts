import { operator } from '../http/auth/operator.ts';
import type { Route } from '../http/endpoint.ts';
import { statusSchema } from './queue-status.ts';

export const statusRoute = {
  route: 'GET /status',
  summary:
    'Returns how many messages wait in each queue, in the delay queues and in the archive, now and in each minute of the last hour.',
  access: operator('status:read'),
  answers: { 200: statusSchema },
  problems: ['status-unavailable'],
  example: {
    answer: {
      minutes: ['2026-11-22T11:59:00.000Z', '2026-11-22T12:00:00.000Z'],
      queues: [
        {
          name: 'invoices',
          ready: 0,
          unacknowledged: 12,
          delayed: 0,
          consumers: 1,
          retrying: 0,
          delayQueues: ['retry.1s'],
          deadLettered: 3,
          oldestMessage: { publishedAt: '2026-11-22T12:00:00.000Z', asOf: '2026-11-22T12:00:00.180Z' },
          history: {
            ready: [4, 0],
            unacknowledged: [10, 12],
            deadLettered: [3, 3],
            in: [118, 120],
            out: [121, 122],
          },
        },
      ],
      delayQueues: [{ name: 'retry.1s', delayMs: 1_000, waiting: 0, history: { waiting: [1, 0] } }],
      deadLetters: { ready: 0, unacknowledged: 0, delayed: 0, open: 3, openIsAtLeast: false },
    },
  },
} satisfies Route;
