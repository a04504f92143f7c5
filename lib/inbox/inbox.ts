import type { ErrorCode } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Decision } from './decision.ts';

/** How often a message was redriven, and the attempt within that life: ordered, so that "placed already" can be told. */
export interface Attempt {
  readonly redrives: number;
  /** 1 is the first. */
  readonly attempt: number;
}

/** What the inbox remembers of a message for one consumer (its queue). Exactly one item per queue and message. */
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
      /** The dead letter may not be published yet: the next consumer that receives the message publishes it, under the same id. */
      readonly isPending?: boolean;
    } & Attempt &
      MarkerBase)
  | ({ readonly state: 'leased'; readonly owner: string; readonly leaseExpiresAtMs: number } & MarkerBase);

export type FailedMarker = Extract<Marker, { state: 'retrying' | 'dead-lettered' }>;

interface MarkerBase {
  readonly queue: string;
  readonly id: MessageId;
  /** SHA-256 of the body, hex. */
  readonly payloadHash: string;
  /** ISO 8601. */
  readonly at: string;
}

/** A follow-up event as the marker keeps it, so that a redelivery can publish it again with the same id. */
export interface StoredEvent {
  readonly id: MessageId;
  readonly type: string;
  readonly version: number;
  readonly exchange: string;
  readonly data: unknown;
  /** What its definition said of it, for sharded queues. */
  readonly shardKey?: string;
}

/** A decided message. */
export interface Entry extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly decision: Decision;
  /** A marker of an earlier attempt was found; without this word it costs another request to find it. */
  readonly hasMarker?: boolean;
}

export type CommitResult =
  /** Effects and marker are in the store; so they are where a `duplicate` of the same payload was met. */
  | {
      readonly is: 'completed' | 'rejected' | 'duplicate';
      readonly marker: Extract<Marker, { state: 'completed' | 'rejected' }>;
    }
  | { readonly is: 'mismatch' }
  /** Another environment had a copy of the message, and gave up on it at this attempt or a later one. */
  | { readonly is: 'parked'; readonly marker: FailedMarker }
  /** Nothing was written for this message: conflicts, a condition without alternative, effects that DynamoDB refuses. */
  | { readonly is: 'failed'; readonly error: Error }
  /** The store is away or time is up: nothing can be said of this message. */
  | { readonly is: 'unfinished'; readonly error: Error };

export interface Handoff extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly state: 'retrying' | 'dead-lettered';
  readonly code: ErrorCode;
  readonly message: string;
}

/** Remembers per consumer what was done, in the same transaction as the effects themselves. */
export interface Inbox {
  /** The markers that the store has, strongly consistent. Throws `StoreUnavailableError`. */
  find(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, Marker>>;
  /** Commits each entry's effects with its marker, at most once per id; results stand in the order of the entries. Never throws. */
  commit(queue: string, entries: readonly Entry[], signal: AbortSignal): Promise<CommitResult[]>;
  /**
   * Settles that these messages end as dead letters, before they are published: from then on no other environment can complete
   * them. Gives the marker that stands in the way, by its place, or `undefined`. Throws `StoreUnavailableError`.
   */
  claimDeadLetters(queue: string, placements: readonly Handoff[]): Promise<(Marker | undefined)[]>;
  /** Notes confirmed placements; a marker that is completed, rejected or further on stays as it is. Throws `StoreUnavailableError`. */
  recordHandoffs(queue: string, placements: readonly Handoff[]): Promise<void>;
}
