import * as z from 'zod';

import type { QueueFigures } from '../../lib/rabbitmq/admin/queue-figures.ts';
import type { WorkQueue } from '../../lib/rabbitmq/topology/topology.ts';
import type { Progress } from '../../lib/consumer/progress.ts';
import type { OpenDeadLetters } from '../../lib/dead-letters/count-open.ts';

/** A number that is `null` if it is unknown. */
const figure = z.int().nullable();

const depth = z.strictObject({
  name: z.string(),
  ready: figure,
  unacknowledged: figure,
  /** Messages that a consumer returned and that the broker delays before it delivers them again (RabbitMQ 4.3). */
  delayed: figure,
  consumers: figure,
});

const queueStatus = depth.extend({
  /** Messages in the delay queues. Queues may share a delay queue, so the number is known only if those are empty or not shared. */
  retrying: figure,
  /** Open dead letters of the queue in the archive. */
  deadLettered: figure,
  /**
   * When the oldest message of the batch processed last was published, and when that batch was processed. Messages that wait now
   * are not older, except for retries. RabbitMQ does not report the age of messages in a quorum queue. `null` if no message
   * waits, or if no batch was processed yet.
   */
  oldestMessage: z.strictObject({ publishedAt: z.iso.datetime(), asOf: z.iso.datetime() }).nullable(),
  /** The shards of a sharded queue; the other figures are sums over them. */
  shards: z.array(depth).optional(),
});

export const statusSchema = z.strictObject({
  queues: z.array(queueStatus),
  retryTiers: z.array(z.strictObject({ name: z.string(), delayMs: z.int(), waiting: figure })),
  deadLetters: z.strictObject({
    /** Dead letters that are not in the archive yet. */
    ready: figure,
    unacknowledged: figure,
    delayed: figure,
    open: figure,
    /** Whether there were too many open dead letters to count them all. */
    openIsAtLeast: z.boolean(),
  }),
});

type QueueStatus = z.infer<typeof queueStatus>;
type Status = z.infer<typeof statusSchema>;

/** Builds the status from the broker's figures, the archive's counts and the progress of the consumers. */
export function statusOf(
  workQueues: readonly WorkQueue[],
  deadLetterQueue: string,
  figures: readonly QueueFigures[],
  openDeadLetters: OpenDeadLetters | undefined,
  /** The progress of each shard. */
  progress: ReadonlyMap<string, Progress>,
): Status {
  const named = new Map(figures.map((queue) => [queue.name, queue]));
  const depth = (...names: readonly string[]) => ({
    ready: sum(names.map((name) => named.get(name)?.ready ?? null)),
    unacknowledged: sum(names.map((name) => named.get(name)?.unacknowledged ?? null)),
    delayed: sum(names.map((name) => delayedIn(named.get(name)))),
  });
  const consumers = (...names: readonly string[]) => sum(names.map((name) => named.get(name)?.consumers ?? null));
  const tiers = new Map(workQueues.flatMap(({ delays }) => delays.map((tier) => [tier.name, tier] as const)));
  const waitingIn = (tier: string) =>
    sum([depth(tier).ready, depth(tier).unacknowledged, depth(tier).delayed, named.get(tier)?.handingOn ?? 0]);

  function retrying({ delays }: WorkQueue): number | null {
    const waiting = sum(delays.map(({ name }) => waitingIn(name)));
    const names = new Set(delays.map(({ name }) => name));
    const isShared = workQueues.filter((other) => other.delays.some(({ name }) => names.has(name))).length > 1;
    return waiting === 0 || !isShared ? waiting : null;
  }

  /** The oldest message of the shards that have waiting messages. */
  function oldest(shards: readonly string[]): QueueStatus['oldestMessage'] {
    const read = shards
      .filter((shard) => depth(shard).ready || depth(shard).unacknowledged || depth(shard).delayed)
      .flatMap((shard) => progress.get(shard) ?? [])
      .toSorted((one, other) => (one.oldestPublishedAt < other.oldestPublishedAt ? -1 : 1))[0];
    return read ? { publishedAt: read.oldestPublishedAt, asOf: read.at } : null;
  }

  return {
    queues: workQueues.map((queue) => ({
      name: queue.name,
      ...depth(...queue.shards),
      consumers: consumers(...queue.shards),
      retrying: retrying(queue),
      deadLettered: openDeadLetters ? (openDeadLetters.byQueue.get(queue.name) ?? 0) : null,
      oldestMessage: oldest(queue.shards),
      ...(queue.shards.length > 1 && {
        shards: queue.shards.map((name) => ({ name, ...depth(name), consumers: consumers(name) })),
      }),
    })),
    retryTiers: [...tiers.values()].map(({ name, delayMs }) => ({
      name,
      delayMs,
      waiting: waitingIn(name),
    })),
    deadLetters: {
      ...depth(deadLetterQueue),
      open: openDeadLetters ? sum([...openDeadLetters.byQueue.values()]) : null,
      openIsAtLeast: openDeadLetters?.isAtLeast ?? false,
    },
  };
}

/** Brokers before 4.3 neither delay redeliveries nor report this figure. */
const delayedIn = (figures: QueueFigures | undefined) => (figures?.ready === undefined ? null : (figures.delayed ?? 0));

/** The sum, or `null` if one of the numbers is `null`. */
const sum = (numbers: readonly (number | null)[]): number | null =>
  numbers.reduce((total: number | null, number) => (total === null || number === null ? null : total + number), 0);
