import { setMaxListeners } from 'node:events';

import type { Context } from 'aws-lambda';

import type { MessageId } from '../events/message-id.ts';
import { mayBeForgotten } from '../inbox/settings.ts';
import type { Sequences } from '../ordering/sequences.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { log } from '../runtime/log.ts';
import type { ConsumerParts } from './parts.ts';

export type RemainingTime = Pick<Context, 'getRemainingTimeInMillis'>;

/** The clients, settings and time limits of one batch. */
export interface Batch extends Omit<ConsumerParts, 'settings'> {
  readonly queue: WorkQueue;
  readonly memory: Memory;
  /** Whether the marker of a message published at this time may be lost: such a message becomes a dead letter. */
  readonly isForgotten: (publishedAt: string | undefined) => boolean;
  /** The AMQP app id of follow-up events. */
  readonly appId: string;
  /** How long the rule may run for one message, in ms. */
  readonly timeLimitMs: number;
  /** The largest number of rules that run at the same time. */
  readonly concurrency: number;
  /** How long rules may still run, in ms; 0 or less once the rest of the invocation is reserved for settling. */
  readonly timeLeftMs: () => number;
  /** How long the invocation may still last, in ms. */
  readonly invocationLeftMs: () => number;
  /** Aborts when nothing more may be committed. */
  readonly commitSignal: AbortSignal;
  /** How long a publish that starts now may take, in ms. */
  readonly publishDeadlineMs: () => number;
  readonly warn: (message: string, error: unknown) => void;
}

/** The share of the invocation's time that is reserved for committing and settling. */
const RESERVED = 0.25;

/** Rules stop first, then commits; settling may use the time that is left. */
export function newBatch(
  queue: WorkQueue,
  memory: Memory,
  { settings, ...parts }: ConsumerParts,
  context: RemainingTime,
): Batch {
  const invocationLeftMs = () => context.getRemainingTimeInMillis();
  const reservedMs = invocationLeftMs() * RESERVED;
  const commitSignal = AbortSignal.timeout(Math.max(Math.floor(invocationLeftMs() - reservedMs / 2), 1));
  // Many requests of a batch listen to this signal; Node.js would report a leak.
  setMaxListeners(0, commitSignal);
  return {
    ...parts,
    queue,
    memory,
    isForgotten: (publishedAt) => mayBeForgotten(settings, publishedAt),
    appId: settings.SERVICE_NAME,
    timeLimitMs: settings.MESSAGE_TIME_LIMIT_MS,
    concurrency: settings.BATCH_CONCURRENCY,
    timeLeftMs: () => invocationLeftMs() - reservedMs,
    invocationLeftMs,
    commitSignal,
    publishDeadlineMs: () => Math.max(Math.min(settings.PUBLISH_DEADLINE_MS, invocationLeftMs() - reservedMs / 10), 1),
    warn: (message, error) => log().warn(message, error as Error),
  };
}

/** What a consumer keeps in its process from one batch to the next; losing it costs requests, never correctness. */
export interface Memory {
  /** How often each unfinished message of the previous batch came back although the process survived. */
  survived: Map<MessageId, number>;
  /** Crash suspects that this process survived, whose records in the attempt log could not be deleted yet. */
  readonly unended: Set<MessageId>;
  /** The payload hash of each completed or rejected message, so that a redelivered batch finds it without a request. */
  readonly done: Map<MessageId, string>;
  /** Follow-up events that the broker has confirmed. */
  readonly confirmed: Set<MessageId>;
  /** The sequences of batches whose open-batch record could not be written. */
  unrecorded: Sequences;
  /** When the progress of each shard was last recorded, in ms since the epoch. */
  readonly progressRecordedAtMs: Map<string, number>;
}

export const newMemory = (): Memory => ({
  survived: new Map(),
  unended: new Set(),
  done: new Map(),
  confirmed: new Set(),
  unrecorded: [],
  progressRecordedAtMs: new Map(),
});

/** The largest number of entries in one map or set: enough for many batches that keep coming back because of one message. */
const MAX_ENTRIES = 10_000;

/** Evicts the oldest entries beyond the limit; sets and maps iterate in insertion order. */
export function forgetOldest(entries: Set<unknown> | Map<unknown, unknown>): void {
  for (const key of entries.keys()) {
    if (entries.size <= MAX_ENTRIES) break;
    entries.delete(key);
  }
}
