import type { Publisher } from '../events/publish.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { brokerSettings, requireBroker } from './settings.ts';

/**
 * The publisher of this process, with the AMQP client loaded at the first publish: most batches of a consumer publish nothing,
 * so their cold start need not load it. With `early`, loading begins at once, in parallel with the rest of the start.
 */
export function lazyPublisher(surehop: Surehop, { early = false } = {}): Publisher {
  if (surehop.clients.publisher) return surehop.clients.publisher;
  requireBroker(surehop.settings(brokerSettings));
  let loading: Promise<Publisher> | undefined;
  const load = () =>
    (loading ??= import('./broker.ts')
      .then(({ publisher }) => publisher(surehop))
      .catch((error: unknown) => {
        loading = undefined;
        throw error;
      }));
  // The first publish loads the client again and reports the error.
  if (early) load().catch(() => {});
  return {
    publish: async (message, deadlineMs) => (await load()).publish(message, deadlineMs),
    publishAll: async (messages, deadlineMs) => (await load()).publishAll(messages, deadlineMs),
    close: async () => (await load()).close(),
  };
}
