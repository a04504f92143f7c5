import type { Queue, QueuePolicy } from './topology.ts';

export interface BrokerVersion {
  readonly major: number;
  readonly minor: number;
}

export function readVersion(version: string): BrokerVersion {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (!major)
    throw new Error(
      `cannot read the RabbitMQ version "${version}" that the broker reports; expected a version such as 4.2.1`,
    );
  return { major: Number(major), minor: Number(minor) };
}

/** Whether the broker reads the delivery limit -1 as "no limit", as RabbitMQ 4 does. */
export const liftsDeliveryLimit = ({ major }: BrokerVersion): boolean => major >= 4;

/**
 * Whether a policy can delay the redelivery of requeued messages in a quorum queue
 * (https://www.rabbitmq.com/docs/quorum-queues).
 */
export const hasDelayedRetry = ({ major, minor }: BrokerVersion): boolean => major > 4 || (major === 4 && minor >= 3);

export const queueArguments = (queue: Queue, version: BrokerVersion): Readonly<Record<string, string | number>> => ({
  ...queue.arguments,
  'x-queue-type': 'quorum',
  ...(liftsDeliveryLimit(version) && { 'x-delivery-limit': -1 }),
});

export interface BrokerPolicy {
  readonly name: string;
  readonly pattern: string;
  readonly 'apply-to': string;
  readonly priority: number;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** Converts a policy to the format of the management API for a broker with the given RabbitMQ version. */
export const policyFor = (
  { name, queues, priority, definition, delayedRetry }: QueuePolicy,
  version: BrokerVersion,
): BrokerPolicy => ({
  name,
  pattern: `^(${queues.map(escape).join('|')})$`,
  'apply-to': 'queues',
  priority,
  definition: {
    ...definition,
    ...(liftsDeliveryLimit(version) && { 'delivery-limit': -1 }),
    ...(delayedRetry &&
      hasDelayedRetry(version) && {
        'delayed-retry-type': 'all',
        'delayed-retry-min': delayedRetry.minMs,
        'delayed-retry-max': delayedRetry.maxMs,
      }),
  },
});

export function queuesNamedBy({ pattern }: BrokerPolicy): string[] {
  const list = /^\^\((.*)\)\$$/s.exec(pattern)?.[1];
  return list ? list.split(/(?<!\\)\|/).map((name) => name.replaceAll(/\\(.)/gs, '$1')) : [];
}

const escape = (name: string) => name.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);

export function changedSettings(was: BrokerPolicy, now: BrokerPolicy): string[] {
  const [before, after] = [settingsOf(was), settingsOf(now)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]);
}

export const settingsOf = ({ definition, pattern, priority, 'apply-to': applyTo }: BrokerPolicy) => {
  const settings: Record<string, unknown> = { pattern, priority, 'apply-to': applyTo, ...definition };
  return settings;
};
