import * as z from 'zod';

import type { BrokerAccess } from '../management/management-api.ts';
import { withConnection } from '../open-connection.ts';
import type { BrokerState } from './broker-state.ts';
import { queuesNamedBy } from './by-version.ts';
import { RETIRED_POLICY } from './define.ts';
import type { Difference, DiffInput } from './difference.ts';

/** A retired queue: a queue that the service declared before and no longer uses. */
export type RetiredQueue = BrokerState['queues'][number];

export type HeldMessages = ReadonlyMap<string, number>;

/**
 * Returns the queues on the broker that the service declared before and no longer uses. The service declared a queue
 * before if the topology `previous` contains the queue, or if a policy of the service on the broker names it.
 */
export function retiredQueues({ declared, actual, previous }: DiffInput): RetiredQueue[] {
  const ours = new Set([RETIRED_POLICY, ...(declared.policies ?? []).map(({ name }) => name)]);
  const known = new Set([
    ...(previous?.queues ?? []).map(({ name }) => name),
    ...actual.policies.filter(({ name }) => ours.has(name)).flatMap(queuesNamedBy),
  ]);
  const inUse = new Set(declared.queues.map(({ name }) => name));
  return actual.queues.filter(({ name }) => known.has(name) && !inUse.has(name));
}

export function isRetiredOnBroker({ declared, actual }: DiffInput, name: string): boolean {
  const names = (policies: readonly string[]) =>
    actual.policies.some((policy) => policies.includes(policy.name) && queuesNamedBy(policy).includes(name));
  return names([RETIRED_POLICY]) && !names((declared.policies ?? []).map((policy) => policy.name));
}

/** Whether the queue is a delay queue. The broker moves expired messages from a delay queue back to the work queues. */
export const isDelayQueue = ({ arguments: settings }: RetiredQueue): boolean =>
  settings['x-dead-letter-exchange'] === '' && settings['x-message-ttl'] !== undefined;

export const delayQueuesOf = ({ declared, actual }: DiffInput, retired: readonly RetiredQueue[]): string[] => {
  const ours = new Set([...declared.queues, ...retired].map(({ name }) => name));
  return actual.queues.filter((queue) => ours.has(queue.name) && isDelayQueue(queue)).map(({ name }) => name);
};

export function retiredDifference(queue: RetiredQueue, input: DiffInput, held: HeldMessages): Difference {
  const { name } = queue;
  const subject = `queue "${name}"`;
  const messages = held.get(name) ?? 0;
  const reported = (problem: string): Difference => ({ subject, problem, losesMessages: false, fix: { by: 'nobody' } });
  if (isDelayQueue(queue) && messages > 0)
    return reported(`is no longer used and returns its ${count(messages)} to their work queues`);
  const reason = whyNotRemovable(queue, input, held);
  const isRetired = isRetiredOnBroker(input, name);
  if (!reason)
    return reported(
      isRetired
        ? `is no longer used and empty: remove it with "topology remove ${name}"`
        : 'is no longer declared and is empty: after this topology is applied, it can be removed',
    );
  // If the queue was retired earlier, refusing to apply the topology cannot help.
  if (isRetired) return reported(`is no longer used, but ${reason}`);
  return {
    subject,
    problem: `is no longer declared, but ${reason}`,
    losesMessages: false,
    fix: { by: 'operator', instruction: 'Let its consumer finish or move the messages, then apply again' },
  };
}

/** Returns why a retired queue must not be removed, or `undefined` if it may be removed. */
export function whyNotRemovable(queue: RetiredQueue, input: DiffInput, held: HeldMessages): string | undefined {
  const messages = held.get(queue.name) ?? 0;
  if (messages > 0) return `it still holds ${count(messages)}`;
  if (isDelayQueue(queue)) return undefined;
  const busy = delayQueuesOf(input, retiredQueues(input)).filter((name) => held.get(name));
  return busy.length > 0 ? `messages in ${busy.join(', ')} may return to it` : undefined;
}

const count = (messages: number) => (messages === 1 ? '1 message' : `${messages} messages`);

const notReady = z.object({
  messages_unacknowledged: z.number().default(0),
  messages_delayed: z.number().default(0),
  messages_dlx: z.number().default(0),
});

/**
 * Counts the messages in each queue. The count of ready messages is exact; the other counts may be up to five seconds old.
 */
export async function countMessages(
  { amqpUrl, api }: BrokerAccess,
  queues: readonly string[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if (queues.length === 0) return counts;
  await withConnection(amqpUrl, async (connection) => {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    for (const queue of queues) {
      const { messageCount: ready } = await channel.checkQueue(queue);
      const counted = await api.get(['queues', api.virtualHost, queue], notReady);
      counts.set(queue, ready + counted.messages_unacknowledged + counted.messages_delayed + counted.messages_dlx);
    }
  });
  return counts;
}
