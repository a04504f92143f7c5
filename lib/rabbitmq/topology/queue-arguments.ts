import type { Queue } from './topology.ts';

/** The part of a broker's version that decides what it can do. */
export interface BrokerVersion {
  readonly major: number;
  readonly minor: number;
}

/** Reads the version that a broker reports, as in "4.3.6". */
export function readVersion(version: string): BrokerVersion {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (!major) throw new Error(`cannot tell the broker's version from "${version}"`);
  return { major: Number(major), minor: Number(minor) };
}

/**
 * On RabbitMQ 4 a quorum queue gives up a message after 20 returns unless the limit is lifted with -1; RabbitMQ 3 knows
 * no such value and drops the message at its first return, so there the limit is left out.
 */
export const liftsDeliveryLimit = ({ major }: BrokerVersion): boolean => major >= 4;

/** Whether a quorum queue can hold back returned messages by policy: from 4.3 on (https://www.rabbitmq.com/docs/quorum-queues). */
export const hasDelayedRetry = ({ major, minor }: BrokerVersion): boolean => major > 4 || (major === 4 && minor >= 3);

/** What a queue is declared with. */
export const queueArguments = (queue: Queue, version: BrokerVersion): Readonly<Record<string, string | number>> => ({
  ...queue.arguments,
  'x-queue-type': 'quorum',
  ...(liftsDeliveryLimit(version) && { 'x-delivery-limit': -1 }),
});
