import { createConnection } from '../../../lib/broker/connection.ts';
import { createPublisher, type Publisher } from '../../../lib/broker/publisher.ts';
import { systemClock } from '../../../lib/clock.ts';

const DEADLINE_MS = 10_000;

/** The service's publisher at another broker. */
export function openSurehop(amqpUrl: string): Publisher {
  const connection = createConnection({
    url: async () => amqpUrl,
    heartbeatSeconds: 10,
    clock: systemClock,
    name: 'bench',
  });
  return createPublisher(connection, systemClock, DEADLINE_MS);
}
