import type { RabbitMqEvent } from 'surehop/consumer';

import { deadLetters } from './dead-letters.ts';

/** Stores every message of the dead-letter queue in the archive table. */
export const handler = (event: RabbitMqEvent) => deadLetters.archive(event);
