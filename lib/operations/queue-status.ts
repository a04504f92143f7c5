import * as z from 'zod';
import type { Progress } from '../consumer/progress.ts';
import type { QueueFigures } from '../rabbitmq/management/queue-figures.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { OpenDeadLetters } from './count-open-dead-letters.ts';
import type { Histories } from './queue-history.ts';

/**
 * A count that belongs to a queue, for example of its messages or consumers. `null` if the broker or the archive did
 * not report the count.
 */
const figure = z.int().nullable();

/**
 * The values of one queue metric, one for each minute in `minutes`. `null` stands for a minute without a recorded
 * value.
 */
const figures = z.array(z.number().nullable());

const depth = z.strictObject({
  name: z.string(),
  ready: figure,
  unacknowledged: figure,
  /**
   * The number of requeued messages that wait for their delayed redelivery. RabbitMQ has been able to delay the
   * redelivery of requeued messages since version 4.3.
   */
  delayed: figure,
  consumers: figure,
});

const queueStatus = depth.extend({
  /**
   * The number of messages that wait in delay queues for a retry on this queue. `null` if this number is unknown,
   * because several work queues share a delay queue.
   */
  retrying: figure,
  /** The names of the delay queues in which messages wait for a retry on this work queue, shortest delay first. */
  delayQueues: z.array(z.string()),
  /** The number of the queue's dead letters in the archive that were neither redriven nor discarded. */
  deadLettered: figure,
  /**
   * When the oldest message of the last processed batch was published (`publishedAt`), and when this batch was
   * processed (`asOf`). `null` if no batch was processed yet, or if the queue is empty.
   */
  oldestMessage: z.strictObject({ publishedAt: z.iso.datetime(), asOf: z.iso.datetime() }).nullable(),
  /**
   * For each minute of the last hour: the message counts of the queue, and how many messages arrived (`in`, with
   * retries and redrives) and were acknowledged (`out`).
   */
  history: z.strictObject({
    ready: figures,
    unacknowledged: figures,
    deadLettered: figures,
    in: figures,
    out: figures,
  }),
  /** The message counts of each shard of a sharded queue. All other numbers of the queue are sums over its shards. */
  shards: z.array(depth).optional(),
});

export const statusSchema = z.strictObject({
  /**
   * The start times of the minutes for which GET /status shows the message counts of each queue, oldest first (ISO
   * 8601).
   */
  minutes: z.array(z.iso.datetime()),
  queues: z.array(queueStatus),
  delayQueues: z.array(
    z.strictObject({
      name: z.string(),
      delayMs: z.int(),
      waiting: figure,
      history: z.strictObject({ waiting: figures }),
    }),
  ),
  deadLetters: z.strictObject({
    /** The number of messages that wait in the dead-letter queue and are not archived yet. */
    ready: figure,
    unacknowledged: figure,
    delayed: figure,
    open: figure,
    /** `true` if the archive contains more open dead letters than one request counts; `open` is then only a minimum. */
    openIsAtLeast: z.boolean(),
  }),
});

type QueueStatus = z.infer<typeof queueStatus>;
type Status = z.infer<typeof statusSchema>;

/**
 * Builds the response of GET /status from the broker's queue figures, the numbers of open dead letters, and the last
 * processed batch of each shard.
 */
export function statusOf(
  workQueues: readonly WorkQueue[],
  deadLetterQueue: string,
  figures: readonly QueueFigures[],
  openDeadLetters: OpenDeadLetters | undefined,
  progress: ReadonlyMap<string, Progress>,
  histories: Histories,
): Status {
  const named = new Map(figures.map((queue) => [queue.name, queue]));
  const depth = (...names: readonly string[]) => ({
    ready: sum(names.map((name) => named.get(name)?.ready ?? null)),
    unacknowledged: sum(names.map((name) => named.get(name)?.unacknowledged ?? null)),
    delayed: sum(names.map((name) => delayedIn(named.get(name)))),
  });
  const consumers = (...names: readonly string[]) => sum(names.map((name) => named.get(name)?.consumers ?? null));
  const delayQueues = new Map(
    workQueues.flatMap(({ delays }) => delays.map((delayQueue) => [delayQueue.name, delayQueue] as const)),
  );
  const waitingIn = (delayQueue: string) =>
    sum([
      depth(delayQueue).ready,
      depth(delayQueue).unacknowledged,
      depth(delayQueue).delayed,
      named.get(delayQueue)?.handingOn ?? 0,
    ]);

  function retrying({ delays }: WorkQueue): number | null {
    const waiting = sum(delays.map(({ name }) => waitingIn(name)));
    const names = new Set(delays.map(({ name }) => name));
    const isShared = workQueues.filter((other) => other.delays.some(({ name }) => names.has(name))).length > 1;
    return waiting === 0 || !isShared ? waiting : null;
  }

  function oldest(shards: readonly string[]): QueueStatus['oldestMessage'] {
    const read = shards
      .filter((shard) => depth(shard).ready || depth(shard).unacknowledged || depth(shard).delayed)
      .flatMap((shard) => progress.get(shard) ?? [])
      .toSorted((one, other) => (one.oldestPublishedAt < other.oldestPublishedAt ? -1 : 1))[0];
    return read ? { publishedAt: read.oldestPublishedAt, asOf: read.at } : null;
  }

  return {
    minutes: [...histories.minutes],
    queues: workQueues.map((queue) => ({
      name: queue.name,
      ...depth(...queue.shards),
      consumers: consumers(...queue.shards),
      retrying: retrying(queue),
      delayQueues: queue.delays.map(({ name }) => name),
      deadLettered: openDeadLetters ? (openDeadLetters.byQueue.get(queue.name) ?? 0) : null,
      oldestMessage: oldest(queue.shards),
      history: histories.ofQueue(queue.name),
      ...(queue.shards.length > 1 && {
        shards: queue.shards.map((name) => ({ name, ...depth(name), consumers: consumers(name) })),
      }),
    })),
    delayQueues: [...delayQueues.values()].map(({ name, delayMs }) => ({
      name,
      delayMs,
      waiting: waitingIn(name),
      history: { waiting: histories.ofDelayQueue(name) },
    })),
    deadLetters: {
      ...depth(deadLetterQueue),
      open: openDeadLetters ? sum([...openDeadLetters.byQueue.values()]) : null,
      openIsAtLeast: openDeadLetters?.isAtLeast ?? false,
    },
  };
}

const delayedIn = (figures: QueueFigures | undefined) => (figures?.ready === undefined ? null : (figures.delayed ?? 0));

const sum = (numbers: readonly (number | null)[]): number | null =>
  numbers.reduce((total: number | null, number) => (total === null || number === null ? null : total + number), 0);
