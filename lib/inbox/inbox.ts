import type { ErrorCode } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Decision } from './decision.ts';
import type { MessageFacts } from './facts.ts';

/**
 * Identifies an attempt to process a message. Attempts are ordered by `redrives`, then by `attempt`, which starts again at
 * 1 after each redrive.
 */
export interface Attempt {
  /** How often an operator has redriven the message. */
  readonly redrives: number;
  /** The number of the attempt, starting at 1. */
  readonly attempt: number;
}

/** The inbox record of a message, called its marker. There is at most one marker per queue and message id. */
export type Marker =
  | ({
      readonly state: 'completed' | 'rejected';
      readonly reason?: string;
      readonly events: readonly StoredEvent[];
      /** The id of the edited message that replaces this message. Absent if no operator has edited the message. */
      readonly supersededBy?: MessageId;
      /** How many items of each table were written together with this inbox record. Absent if no items were written. */
      readonly effects?: Readonly<Record<string, number>>;
    } & MarkerBase)
  | ({
      readonly state: 'retrying' | 'dead-lettered';
      readonly code: ErrorCode;
      readonly message: string;
      /**
       * `true` if the dead letter may not have been published yet. The next delivery of the message then publishes the
       * dead letter with the same id.
       */
      readonly isPending?: boolean;
    } & Attempt &
      MarkerBase)
  | ({ readonly state: 'leased'; readonly owner: string; readonly leaseExpiresAtMs: number } & MarkerBase);

export type FailedMarker = Extract<Marker, { state: 'retrying' | 'dead-lettered' }>;

interface MarkerBase {
  readonly queue: string;
  readonly id: MessageId;
  /** The SHA-256 hash of the message's body, in hex. */
  readonly payloadHash: string;
  /** When this inbox record was written (ISO 8601). */
  readonly at: string;
  readonly facts?: MessageFacts;
}

/**
 * A follow-up event that is stored in the inbox record of the message. A redelivery of the message publishes the event
 * again with the same id.
 */
export interface StoredEvent {
  readonly id: MessageId;
  readonly type: string;
  readonly version: number;
  readonly exchange: string;
  readonly data: unknown;
  /** The key that decides which shard of a queue receives the event, if the event's definition has a key. */
  readonly shardKey?: string;
}

/** A message with the decision of its business rule. */
export interface Entry extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly decision: Decision;
  /** Whether the inbox is known to have a record of an earlier attempt of the message. */
  readonly hasMarker?: boolean;
  /** The owner of the lease under which the decision was made. The commit fails if another owner holds the lease. */
  readonly leaseOwner?: string;
  readonly facts?: MessageFacts;
}

export type CommitResult =
  /**
   * The effects and the inbox record of the message are stored. `duplicate` means that an earlier commit stored the
   * effects and the inbox record.
   */
  | {
      readonly is: 'completed' | 'rejected' | 'duplicate';
      readonly marker: Extract<Marker, { state: 'completed' | 'rejected' }>;
    }
  /**
   * Nothing was written for the message, because a message with the same id but a different body was committed before.
   */
  | { readonly is: 'mismatch' }
  /**
   * Nothing was written for the message, because another Lambda execution environment has already dead-lettered this
   * attempt of the message or a later one.
   */
  | { readonly is: 'parked'; readonly marker: FailedMarker }
  /**
   * Nothing was written for the message, because other transactions conflicted, because a condition failed and the
   * decision has no `otherwise`, or because an effect is invalid.
   */
  | { readonly is: 'failed'; readonly error: Error }
  /**
   * It is unknown whether the message was committed, because DynamoDB was unavailable or the invocation ran out of
   * time. The message is then redelivered.
   */
  | { readonly is: 'unfinished'; readonly error: Error };

/**
 * The inbox record of a failed message. The record is written when a copy of the message is published, for a retry or
 * as a dead letter.
 */
export interface Handoff extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly state: 'retrying' | 'dead-lettered';
  readonly code: ErrorCode;
  readonly message: string;
  readonly leaseOwner?: string;
  readonly facts?: MessageFacts;
}

/**
 * Commits the effects of each message together with the inbox record of the message. The inbox record prevents a second
 * application of the effects when the queue delivers the message again.
 */
export interface Inbox {
  /**
   * Reads the inbox records of these messages with strongly consistent reads. Throws `StoreUnavailableError` if
   * DynamoDB is unavailable.
   */
  find(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, Marker>>;
  /**
   * Commits the effects of each message together with the inbox record of the message, at most once per message id.
   * Returns the results in the order of the entries and never throws.
   */
  commit(queue: string, entries: readonly Entry[], signal: AbortSignal): Promise<CommitResult[]>;
  /**
   * Records in the inbox that these messages become dead letters, and therefore no other Lambda execution environment
   * completes them. Must be called before the dead letters are published. Returns the inbox record that prevented the
   * recording, or `undefined`, for each message. Throws `StoreUnavailableError` if DynamoDB is unavailable.
   */
  claimDeadLetters(queue: string, handoffs: readonly Handoff[]): Promise<(Marker | undefined)[]>;
  /**
   * Records in the inbox that copies of these failed messages were published. Does not replace the inbox record of a
   * completed, rejected or leased message, or of a later attempt. Throws `StoreUnavailableError` if DynamoDB is
   * unavailable.
   */
  recordHandoffs(queue: string, handoffs: readonly Handoff[]): Promise<void>;
}
