import type { Publisher } from './publisher.ts';

/**
 * The publisher of this process, loaded with its first message: most batches of a consumer publish nothing, so that the
 * AMQP client and what reads its login need not be loaded at the start.
 */
export function lazyPublisher(): Publisher {
  const load = async () => (await import('./broker.ts')).publisher();
  return {
    publish: async (message, deadlineMs) => (await load()).publish(message, deadlineMs),
    publishAll: async (messages, deadlineMs) => (await load()).publishAll(messages, deadlineMs),
    close: async () => (await load()).close(),
  };
}
