import type { ErrorCode } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Decision } from './decision.ts';

/** Identifies an attempt to process a message. Attempts are ordered: each redrive starts again at attempt 1. */
export interface Attempt {
  /** How often an operator has redriven the message. */
  readonly redrives: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

/** The record of a message in the inbox of one queue. There is at most one per queue and message id. */
export type Marker =
  | ({
      readonly state: 'completed' | 'rejected';
      readonly reason?: string;
      readonly events: readonly StoredEvent[];
    } & MarkerBase)
  | ({
      readonly state: 'retrying' | 'dead-lettered';
      readonly code: ErrorCode;
      readonly message: string;
      /** Whether the dead letter may not be published yet. If so, the next delivery of the message publishes it with the same id. */
      readonly isPending?: boolean;
    } & Attempt &
      MarkerBase)
  | ({ readonly state: 'leased'; readonly owner: string; readonly leaseExpiresAtMs: number } & MarkerBase);

export type FailedMarker = Extract<Marker, { state: 'retrying' | 'dead-lettered' }>;

interface MarkerBase {
  readonly queue: string;
  readonly id: MessageId;
  /** SHA-256 of the message's body, in hex. */
  readonly payloadHash: string;
  /** When the marker was written (ISO 8601). */
  readonly at: string;
}

/** A follow-up event in a marker. A redelivery of the message publishes the event again with the same id. */
export interface StoredEvent {
  readonly id: MessageId;
  readonly type: string;
  readonly version: number;
  readonly exchange: string;
  readonly data: unknown;
  /** The key by which the event is routed to a shard, if its definition has one. */
  readonly shardKey?: string;
}

/** A message with the decision of its rule. */
export interface Entry extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly decision: Decision;
  /** Whether the message is known to have a marker of an earlier attempt, which saves a cancelled transaction. */
  readonly hasMarker?: boolean;
}

export type CommitResult =
  /** The effects and the marker are in the store, for a `duplicate` since an earlier commit. */
  | {
      readonly is: 'completed' | 'rejected' | 'duplicate';
      readonly marker: Extract<Marker, { state: 'completed' | 'rejected' }>;
    }
  /** The message id was committed with another payload. */
  | { readonly is: 'mismatch' }
  /** Another environment has dead-lettered the message at this attempt or a later one. */
  | { readonly is: 'parked'; readonly marker: FailedMarker }
  /** Nothing was written, because of conflicts, a failed condition without an alternative, or invalid effects. */
  | { readonly is: 'failed'; readonly error: Error }
  /** The message may or may not be committed, because DynamoDB was unavailable or the time was up. */
  | { readonly is: 'unfinished'; readonly error: Error };

/** A failed message of which a copy was published, either to a delay queue or as a dead letter. */
export interface Handoff extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly state: 'retrying' | 'dead-lettered';
  readonly code: ErrorCode;
  readonly message: string;
}

/** Commits the effects of messages together with markers, so that each message of a queue takes effect once. */
export interface Inbox {
  /** Reads the markers of these messages, strongly consistent. Throws `StoreUnavailableError`. */
  find(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, Marker>>;
  /** Commits the effects of each entry with its marker, at most once per id. Returns the results in the order of the entries; never throws. */
  commit(queue: string, entries: readonly Entry[], signal: AbortSignal): Promise<CommitResult[]>;
  /**
   * Records that these messages become dead letters before the dead letters are published, so that no other environment completes
   * the messages. Returns for each message the marker that prevented the claim, or `undefined`. Throws `StoreUnavailableError`.
   */
  claimDeadLetters(queue: string, handoffs: readonly Handoff[]): Promise<(Marker | undefined)[]>;
  /** Records published copies of failed messages. A marker that is final or of a later attempt stays. Throws `StoreUnavailableError`. */
  recordHandoffs(queue: string, handoffs: readonly Handoff[]): Promise<void>;
}
