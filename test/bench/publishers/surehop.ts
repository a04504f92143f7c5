import { createConnection } from '../../../lib/rabbitmq/connection.ts';
import type { Publisher } from '../../../lib/events/publish.ts';
import { createPublisher } from '../../../lib/rabbitmq/publisher.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';

const DEADLINE_MS = 10_000;

export function openSurehop(amqpUrl: string): Publisher {
  const connection = createConnection({
    url: async () => amqpUrl,
    heartbeatSeconds: 10,
    clock: systemClock,
    name: 'bench',
  });
  return createPublisher(connection, systemClock, DEADLINE_MS);
}
