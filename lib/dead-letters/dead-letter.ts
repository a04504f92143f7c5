import type { Properties } from '../events/message.ts';
import type { MessageId } from '../events/message-id.ts';

/** Why a message is here, where it came from and what was done about it since; all but the message itself. */
export interface DeadLetter {
  readonly id: string;
  readonly messageId?: MessageId;
  readonly type?: string;
  readonly correlationId?: string;
  /** The queue that it came from; absent where nothing tells. */
  readonly queue?: string;
  /** The shard of that queue, where it is sharded: the way back. */
  readonly shard?: string;
  readonly code: string;
  readonly reason: string;
  /** Which parts of the message could not be written into a copy, and why: left out here, or in the way of a redrive. */
  readonly unwritable?: string;
  /** Where in the service's code its rule failed, a line a frame, innermost first; absent where no rule did. */
  readonly frames?: string;
  /** The attempt that was its last. */
  readonly attempt: number;
  /** How often it had been redriven when it failed. */
  readonly redrives: number;
  /** ISO 8601, as every time here. */
  readonly publishedAt?: string;
  readonly deadLetteredAt: string;
  readonly archivedAt: string;
  readonly traceparent?: string;
  readonly status: DeadLetterStatus;
  /** How often a copy was sent back from here. */
  readonly timesRedriven: number;
  readonly history: readonly Deed[];
  readonly payloadHash: string;
  readonly bodyBytes: number;
}

export const deadLetterStatuses = ['open', 'redriven', 'discarded'] as const;

export type DeadLetterStatus = (typeof deadLetterStatuses)[number];

/** What somebody did with a dead letter. `redrives` is the number that the copy carries. */
export type Deed =
  | { readonly is: 'redriven'; readonly at: string; readonly redrives: number }
  | { readonly is: 'discarded'; readonly at: string; readonly reason: string };

/** The message itself. */
export interface Letter {
  readonly body: Buffer;
  readonly properties: Properties;
}
