import type { Publisher } from '../events/publish.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { brokerSettings, requireBroker } from './settings.ts';

/**
 * Returns the publisher of this process, which loads the AMQP client at the first publish or, if `early` is true,
 * immediately.
 */
export function lazyPublisher(surehop: Surehop, { early = false } = {}): Publisher {
  if (surehop.clients.publisher) return surehop.clients.publisher;
  const settings = surehop.settings(brokerSettings);
  // Outside of Lambda, for example in a unit test, the module of a function can be imported without a broker.
  if (surehop.functionName !== undefined) requireBroker(settings);
  let loading: Promise<Publisher> | undefined;
  const load = () =>
    (loading ??= import('./broker.ts')
      .then(({ publisher }) => publisher(surehop))
      .catch((error: unknown) => {
        loading = undefined;
        throw error;
      }));
  // If loading fails here, the first publish loads the client again and reports the error.
  if (early) load().catch(() => {});
  return {
    publish: async (message, deadlineMs) => (await load()).publish(message, deadlineMs),
    publishAll: async (messages, deadlineMs) => (await load()).publishAll(messages, deadlineMs),
    close: async () => (await load()).close(),
  };
}
