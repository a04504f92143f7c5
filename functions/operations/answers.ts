import * as z from 'zod';

export const alive = z.strictObject({ status: z.literal('alive') });

const breaker = z.enum(['closed', 'half-open', 'open']);

export const ready = z.strictObject({
  status: z.literal('ready'),
  breakers: z.strictObject({ broker: breaker, store: breaker }),
});

const figure = z.int().nullable();

const depth = z.strictObject({
  name: z.string(),
  ready: figure,
  unacknowledged: figure,
  delayed: figure,
  consumers: figure,
});

export const whatWaits = z.strictObject({
  queues: z.array(
    depth.extend({
      retrying: figure,
      deadLettered: figure,
      oldestMessage: z.strictObject({ publishedAt: z.iso.datetime(), asOf: z.iso.datetime() }).nullable(),
      shards: z.array(depth).optional(),
    }),
  ),
  retryTiers: z.array(z.strictObject({ name: z.string(), delayMs: z.int(), waiting: figure })),
  deadLetters: z.strictObject({
    ready: figure,
    unacknowledged: figure,
    delayed: figure,
    open: figure,
    openIsAtLeast: z.boolean(),
  }),
});
