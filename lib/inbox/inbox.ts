import type { ErrorCode } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Decision } from './decision.ts';
import type { MessageFacts } from './facts.ts';

/** Identifies an attempt to process a message. Attempts are ordered by `redrives`, and then by `attempt`. */
export interface Attempt {
  /** How many times an operator has redriven the message. */
  readonly redrives: number;
  /** The number of the attempt since the last redrive, starting at 1. */
  readonly attempt: number;
}

/** The inbox marker of a message. There is at most one marker per queue and message id. */
export type Marker =
  | ({
      readonly state: 'completed' | 'rejected';
      readonly reason?: string;
      readonly events: readonly StoredEvent[];
      /** The id of the edited message that replaces this message. Absent if no operator has edited the message. */
      readonly supersededBy?: MessageId;
      /** How many items of each table were written together with this inbox marker. Absent if no items were written. */
      readonly effects?: Readonly<Record<string, number>>;
    } & MarkerBase)
  | ({
      readonly state: 'retrying' | 'dead-lettered';
      readonly code: ErrorCode;
      readonly message: string;
      /**
       * Whether the dead letter of the message is still unconfirmed by the broker. If the process crashes before the
       * confirm, the next delivery of the message publishes the dead letter.
       */
      readonly isPending?: boolean;
    } & Attempt &
      MarkerBase)
  | ({ readonly state: 'leased'; readonly owner: string; readonly leaseExpiresAtMs: number } & MarkerBase);

/** An inbox marker that cannot be read, for example because an operator has changed its DynamoDB item. */
export interface UnreadableMarker {
  readonly state: 'unreadable';
  readonly queue: string;
  readonly id: MessageId;
  /** An error with the code `INVALID_ITEM` and the reason why the inbox marker cannot be read. */
  readonly error: Error;
}

export type FoundMarker = Marker | UnreadableMarker;

export type FailedMarker = Extract<Marker, { state: 'retrying' | 'dead-lettered' }>;

interface MarkerBase {
  readonly queue: string;
  readonly id: MessageId;
  /** The SHA-256 hash of the message's body, in hex. */
  readonly payloadHash: string;
  /** When this inbox marker was written (ISO 8601). */
  readonly at: string;
  readonly facts?: MessageFacts;
}

/**
 * A follow-up event, stored in the inbox marker of the message that caused it. If this message is redelivered, the
 * event is published again with the same id.
 */
export interface StoredEvent {
  readonly id: MessageId;
  readonly type: string;
  readonly version: number;
  readonly exchange: string;
  readonly data: unknown;
  /**
   * The key that selects the shard of a sharded queue for the follow-up event. Present if the definition of the event
   * has a function `key`.
   */
  readonly shardKey?: string;
}

export interface Entry extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly decision: Decision;
  /**
   * Whether the consumer has found an inbox marker of an earlier attempt. `false` does not prove that no marker exists,
   * because the consumer may skip the search on a first delivery.
   */
  readonly hasMarker?: boolean;
  /** The owner of the lease under which the business rule ran. The commit fails if another owner holds the lease. */
  readonly leaseOwner?: string;
  readonly facts?: MessageFacts;
}

export type CommitResult =
  /**
   * The effects and the inbox marker of the message are stored. `duplicate` means that an earlier commit stored them.
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
   * Nothing was written for the message. Another Lambda execution environment has already dead-lettered the message,
   * and no operator has redriven it since.
   */
  | { readonly is: 'parked'; readonly marker: FailedMarker }
  /**
   * Nothing was written for the message. `error` contains the reason, for example an invalid effect or a conflict with
   * another transaction.
   */
  | { readonly is: 'failed'; readonly error: Error }
  /**
   * It is unknown whether the message was committed, because DynamoDB was unavailable or the time ran out. The message
   * is then redelivered.
   */
  | { readonly is: 'unfinished'; readonly error: Error };

/**
 * The content of the inbox marker of a failed message: which attempt failed, with which error, and whether the message
 * is retried or becomes a dead letter.
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

export type ClaimResult =
  /** The inbox marker of the message now records the dead letter. */
  | { readonly is: 'claimed' }
  /**
   * The inbox did not record the dead letter, because the message already has the inbox marker `marker`, which must not
   * be replaced.
   */
  | { readonly is: 'refused'; readonly marker: FoundMarker }
  /**
   * The inbox did not record the dead letter, because the message already had an inbox marker. This marker was deleted
   * before the inbox could read it.
   */
  | { readonly is: 'gone' };

/**
 * Commits the effects of each message together with its inbox marker. If the message is redelivered, the inbox marker
 * prevents a second application of the effects.
 */
export interface Inbox {
  /**
   * Reads the inbox markers of the messages `ids`, by message id, with strongly consistent reads. Extends the expiry of
   * the markers of completed, rejected and dead-lettered messages where necessary, so that at least half of the
   * retention time is left. Throws `StoreUnavailableError` if DynamoDB is unavailable.
   */
  find(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, FoundMarker>>;
  /**
   * Commits the effects and the inbox marker of each message together, at most once per message id. Returns the results
   * in the order of `entries`, and never throws.
   */
  commit(queue: string, entries: readonly Entry[], signal: AbortSignal): Promise<CommitResult[]>;
  /**
   * Records in the inbox that failed messages become dead letters, before the dead letters are published. Returns one
   * result for each message, in the order of `handoffs`.
   */
  claimDeadLetters(queue: string, handoffs: readonly Handoff[]): Promise<ClaimResult[]>;
  /**
   * Records in the inbox that copies of failed messages were published. Does not replace the inbox marker if the
   * message was completed, rejected, leased or attempted again in the meantime.
   */
  recordHandoffs(queue: string, handoffs: readonly Handoff[]): Promise<void>;
}
