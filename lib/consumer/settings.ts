import { defineSettings, wholeNumber } from '../runtime/settings.ts';

export const consumerSettings = defineSettings({
  MESSAGE_TIME_LIMIT_MS: wholeNumber('how long the rule may take for one message, in ms', 10_000, 10, 600_000),
  BATCH_CONCURRENCY: wholeNumber('messages of one batch whose rules run at the same time', 32, 1, 1_000),
});

export type ConsumerSettings = NonNullable<(typeof consumerSettings)['type']>;
