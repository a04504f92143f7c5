import { setMaxListeners } from 'node:events';

import type { Context } from 'aws-lambda';

import type { CrashLoopMemory } from '../crash-loop/isolate.ts';
import type { MessageId } from '../events/message-id.ts';
import { mayBeForgotten, mayHaveExpired } from '../inbox/settings.ts';
import type { BatchTrace } from '../message/trace.ts';
import type { OrderingMemory } from '../ordering/ordered-batch.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { isInstance, StoreUnavailableError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import { NoAnswerError, within } from '../runtime/timeout.ts';
import type { Limits } from './limits.ts';
import type { ConsumerDependencies } from './dependencies.ts';
import type { LogSettings } from './telemetry.ts';

export type RemainingTime = Pick<Context, 'getRemainingTimeInMillis'>;

export interface Batch extends Omit<ConsumerDependencies, 'settings'>, Limits {
  readonly queue: WorkQueue;
  readonly memory: Memory;
  /** When the consumer received the batch (ISO 8601). */
  readonly startedAt: string;
  /**
   * Whether the inbox marker of a message may have been lost when the inbox table was restored from a backup. If so,
   * the consumer dead-letters the message. `sentAtMs` is the time at which the message was last published or redriven,
   * in ms since the epoch.
   */
  readonly isForgotten: (sentAtMs: number | undefined) => boolean;
  /**
   * Whether the inbox marker of a message may have expired. `sentAtMs` is the time at which the message was last
   * published or redriven, in ms since the epoch.
   */
  readonly isExpired: (sentAtMs: number | undefined) => boolean;
  readonly appId: string;
  /**
   * How much time business rules have left, in ms. The value is 0 or less once only the time reserved for commits and
   * publishes is left.
   */
  readonly timeLeftMs: () => number;
  /** How long the Lambda invocation may still run, in ms. */
  readonly invocationLeftMs: () => number;
  /** This signal aborts when the invocation has too little time left to commit anything. */
  readonly commitSignal: AbortSignal;
  /** How long a publish that starts now may take, in ms. The value is 0 or less if no time is left for a publish. */
  readonly publishDeadlineMs: () => number;
  readonly warn: (message: string, error: unknown) => void;
  readonly logSettings: LogSettings;
  readonly trace?: BatchTrace;
}

/** The share of the invocation's time that is reserved for committing effects and publishing copies of failed messages. */
const RESERVED = 0.25;

/**
 * Creates a batch whose time limits follow from the remaining time of the Lambda invocation. Business rules must end
 * first, then the commits, then the publishes.
 */
export function newBatch(
  queue: WorkQueue,
  limits: Limits,
  memory: Memory,
  { settings, ...dependencies }: ConsumerDependencies,
  context: RemainingTime,
): Batch {
  const invocationLeftMs = () => context.getRemainingTimeInMillis();
  const reservedMs = invocationLeftMs() * RESERVED;
  const commitSignal = AbortSignal.timeout(Math.max(Math.floor(invocationLeftMs() - reservedMs / 2), 1));
  // Many requests of a batch listen to this signal, and Node.js would otherwise warn about a possible memory leak.
  setMaxListeners(0, commitSignal);
  const { inbox, leases, attemptLog, blockedKeys, openBatches, progress } = dependencies;
  const leftMs = () => invocationLeftMs() - reservedMs / 20;
  return {
    ...dependencies,
    ...limits,
    inbox: withDeadline(inbox, leftMs),
    // A lease that is taken after the time for business rules is over would be useless.
    leases: withDeadline(leases, () => invocationLeftMs() - reservedMs / 2),
    attemptLog: withDeadline(attemptLog, leftMs),
    blockedKeys: withDeadline(blockedKeys, leftMs),
    openBatches: withDeadline(openBatches, leftMs),
    progress: withDeadline(progress, leftMs),
    archiveDeadLetter: withDeadline({ archiveDeadLetter: dependencies.archiveDeadLetter }, leftMs).archiveDeadLetter,
    queue,
    memory,
    startedAt: new Date(dependencies.clock.now()).toISOString(),
    isForgotten: (sentAtMs) => mayBeForgotten(settings, sentAtMs),
    isExpired: (sentAtMs) => mayHaveExpired(settings, sentAtMs, dependencies.clock.now()),
    appId: settings.SERVICE_NAME,
    timeLeftMs: () => invocationLeftMs() - reservedMs,
    invocationLeftMs,
    commitSignal,
    publishDeadlineMs: () => Math.min(settings.PUBLISH_DEADLINE_MS, invocationLeftMs() - reservedMs / 10),
    warn: (message, error) => log().warn(message, { queue: queue.name, ...errorFields(error) }),
    logSettings: settings,
  };
}

/**
 * Wraps functions that send requests to DynamoDB, so that a call throws `StoreUnavailableError` if it takes longer than
 * `leftMs`. Without this time limit, the timeout of Lambda would end the process. After the redelivery, every message
 * of the batch would be suspected of having crashed the process.
 */
function withDeadline<T extends Record<keyof T, Send>>(methods: T, leftMs: () => number): T {
  const limited = Object.entries<Send>(methods).map(([name, send]) => [
    name,
    async (...args: never[]) => {
      try {
        const running = send.apply(methods, args);
        return await within(Math.max(leftMs(), 1), running);
      } catch (error) {
        throw isInstance(error, NoAnswerError) ? new StoreUnavailableError({ cause: error }) : error;
      }
    },
  ]);
  return Object.fromEntries(limited) as T;
}

type Send = (...args: never[]) => Promise<unknown>;

/**
 * The data that a consumer keeps in memory from one batch to the next. Losing them costs additional requests to
 * DynamoDB, but never a message.
 */
export interface Memory extends CrashLoopMemory, OrderingMemory {
  /**
   * The payload hash of each message that this process completed or rejected. A redelivery of such a message needs no
   * request to DynamoDB.
   */
  readonly done: Map<MessageId, string>;
  /** The ids of follow-up events that the broker has confirmed. */
  readonly confirmed: Set<MessageId>;
  /** When the consumer's progress in each shard of the queue was last written to DynamoDB, in ms since the epoch. */
  readonly progressRecordedAtMs: Map<string, number>;
}

export const newMemory = (): Memory => ({
  survived: new Map(),
  unended: new Map(),
  done: new Map(),
  confirmed: new Set(),
  unrecorded: [],
  progressRecordedAtMs: new Map(),
});
