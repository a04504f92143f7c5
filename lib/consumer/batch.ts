import type { Publisher } from '../events/publish.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Clock } from '../runtime/clock.ts';
import type { DeadLetter, ArchivedMessage } from '../dead-letters/dead-letter.ts';

import type { Memory } from './memory.ts';
import type { ConsumerPorts } from './ports.ts';
import type { RuleContext } from './rule.ts';

/** What every step of one batch works with. */
export interface Batch extends ConsumerPorts {
  readonly memory: Memory;
  readonly queue: WorkQueue;
  readonly publisher: Publisher;
  /** Keeps a dead letter that the broker does not take; `false` where the archive has it already. */
  readonly archiveLetter: (deadLetter: DeadLetter, letter: ArchivedMessage) => Promise<boolean>;
  readonly clock: Clock;
  readonly read: RuleContext['read'];
  /** Whether the marker of a message published at this time may be lost: such a message is parked instead of processed. */
  readonly isForgotten: (publishedAt: string | undefined) => boolean;
  /** AMQP app id of the events that it publishes. */
  readonly appId: string;
  /** What one message gets, in ms. */
  readonly timeLimitMs: number;
  /** Messages decided at once. */
  readonly concurrency: number;
  /** How long the invocation may still decide, in ms; 0 and less when the rest of its time is kept for settling. */
  readonly timeLeftMs: () => number;
  /** How long the invocation may last at most, in ms. */
  readonly invocationLeftMs: () => number;
  /** Aborted when no more may be committed. */
  readonly commitSignal: AbortSignal;
  /** What a publish gets now, in ms. */
  readonly publishDeadlineMs: () => number;
  readonly warn: (message: string, error: unknown) => void;
}
