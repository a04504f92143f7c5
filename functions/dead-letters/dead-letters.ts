import { queues } from '../../infra/topology.ts';
import { createDeadLetters } from '../../lib/dead-letters/dead-letters.ts';
import { store } from '../../lib/dynamodb/store.ts';
import { lazyPublisher } from '../../lib/rabbitmq/lazy-publisher.ts';
import { config } from '../../lib/runtime/config.ts';

/** The archive of the dead letters of this service's queues. */
export const deadLetters = createDeadLetters({
  queues,
  client: store(),
  settings: config(),
  publisher: () => lazyPublisher(),
});
