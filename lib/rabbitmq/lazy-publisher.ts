import { config } from '../runtime/config.ts';
import type { Publisher } from './publisher.ts';
import { requireBroker } from './require-broker.ts';

/**
 * The publisher of this process, loaded with its first message: most batches of a consumer publish nothing, so that the
 * AMQP client and what reads its login need not be loaded at the start. `early` begins at once, beside all that the start
 * and the first request wait for.
 */
export function lazyPublisher({ early = false } = {}): Publisher {
  requireBroker(config());
  let loading: Promise<Publisher> | undefined;
  const load = () =>
    (loading ??= import('./broker.ts')
      .then(({ publisher }) => publisher())
      .catch((error: unknown) => {
        loading = undefined;
        throw error;
      }));
  // Whatever fails is told to the first publish.
  if (early) load().catch(() => {});
  return {
    publish: async (message, deadlineMs) => (await load()).publish(message, deadlineMs),
    publishAll: async (messages, deadlineMs) => (await load()).publishAll(messages, deadlineMs),
    close: async () => (await load()).close(),
  };
}
