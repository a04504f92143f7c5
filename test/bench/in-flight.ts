/**
 * Publishes all messages, with at most `window` unconfirmed messages at any time. Resolves when the broker has
 * confirmed all messages.
 */
export function inFlight<T>(
  messages: readonly T[],
  window: number,
  publish: (message: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < messages.length) await publish(messages[next++]!);
  };
  return Promise.all(Array.from({ length: window }, one)).then(() => undefined);
}
