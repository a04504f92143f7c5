import type { RabbitMqEvent } from '../../lib/consumer/delivery.ts';
import { deadLetters } from './dead-letters.ts';

/** Archives every message of the dead-letter queue. */
export const handler = (event: RabbitMqEvent) => deadLetters.archive(event);
