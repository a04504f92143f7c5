import type { Queue } from './topology.ts';

/** The broker's major version, from what it says of itself. */
export function majorVersion(version: string): number {
  const major = Number.parseInt(version, 10);
  if (!Number.isInteger(major)) throw new Error(`cannot tell the broker's version from "${version}"`);
  return major;
}

/**
 * On RabbitMQ 4 a quorum queue gives up a message after 20 returns unless the limit is lifted with -1; RabbitMQ 3 knows
 * no such value and drops the message at its first return, so there the limit is left out.
 */
export const liftsDeliveryLimit = (major: number): boolean => major >= 4;

/** What a queue is declared with. */
export const queueArguments = (queue: Queue, major: number): Readonly<Record<string, string | number>> => ({
  ...queue.arguments,
  'x-queue-type': 'quorum',
  ...(liftsDeliveryLimit(major) && { 'x-delivery-limit': -1 }),
});
