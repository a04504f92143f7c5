import type { QueueFigures } from '../../lib/rabbitmq/admin/queue-figures.ts';
import type { WorkQueue } from '../../lib/rabbitmq/topology/topology.ts';
import type { Progress } from '../../lib/consumer/progress.ts';
import type { OpenDeadLetters } from '../../lib/dead-letters/count-open.ts';

/** `null` stands for what nobody can tell. */
interface Depth {
  readonly name: string;
  readonly ready: number | null;
  readonly unacknowledged: number | null;
  /** Returned by a consumer, and held back by the broker until they are delivered again (RabbitMQ 4.3). */
  readonly delayed: number | null;
  readonly consumers: number | null;
}

/** Of all shards together, where there are several. */
export interface QueueStatus extends Depth {
  /** Waiting in a retry tier to come back. Queues share the tiers, so it is known where these are empty, or serve this queue alone. */
  readonly retrying: number | null;
  /** Open dead letters of this queue in the archive. */
  readonly deadLettered: number | null;
  /**
   * When the oldest message of the batch last worked on was published, and when that was: what waits now is not older, but
   * for retries. No broker tells it of a quorum queue. `null` where nothing waits, or nobody has worked on the queue yet.
   */
  readonly oldestMessage: { readonly publishedAt: string; readonly asOf: string } | null;
  /** Each shard by itself; not there where there is one only. */
  readonly shards?: readonly Depth[];
}

export interface Status {
  readonly queues: readonly QueueStatus[];
  readonly retryTiers: readonly { readonly name: string; readonly delayMs: number; readonly waiting: number | null }[];
  readonly deadLetters: {
    /** On their way into the archive. */
    readonly ready: number | null;
    readonly unacknowledged: number | null;
    readonly delayed: number | null;
    readonly open: number | null;
    /** There are so many that not all were counted. */
    readonly openIsAtLeast: boolean;
  };
}

export function statusOf(
  workQueues: readonly WorkQueue[],
  deadLetterQueue: string,
  figures: readonly QueueFigures[],
  openDeadLetters: OpenDeadLetters | undefined,
  /** By shard. */
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

  /** The oldest of what the shards say in which anything waits. */
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

/** Brokers before 4.3 hold nothing back and report no figure. */
const delayedIn = (figures: QueueFigures | undefined) => (figures?.ready === undefined ? null : (figures.delayed ?? 0));

/** Unknown where any of the numbers is. */
const sum = (numbers: readonly (number | null)[]): number | null =>
  numbers.reduce((total: number | null, number) => (total === null || number === null ? null : total + number), 0);
