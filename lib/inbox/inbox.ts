import type { ErrorCode } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Decision } from './decision.ts';
import type { TextVersion } from '../dynamodb/long-text.ts';

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

/** The right to work on a message until `durationMs` from now. */
export interface Lease extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly owner: string;
  readonly durationMs: number;
}

export interface Handoff extends Attempt {
  readonly id: MessageId;
  readonly payloadHash: string;
  readonly state: 'retrying' | 'dead-lettered';
  readonly code: ErrorCode;
  readonly message: string;
}

/** A run of messages that are suspected of taking the runtime down. */
export interface Attempted {
  readonly kind: 'together' | 'alone';
  readonly run: string;
  /** When its invocation is over at the latest, in ms since the epoch. */
  readonly endsByMs: number;
}

/** Runs of a message, together with others or alone, that were begun and have not ended. */
export interface AttemptNote {
  /** When each of those alone is over at the latest, in ms since the epoch. */
  readonly aloneEndByMs: readonly number[];
}

/** Who of one key waits for whom: the first has failed and comes again, the others wait for it, in this order. */
export interface Hold {
  readonly ids: readonly MessageId[];
  readonly version: TextVersion;
  /** When the first of them was here last, in ms since the epoch. */
  readonly firstSeenAtMs: number;
}

/** The messages of a batch by key, in the order in which they must be done. */
export type Lines = readonly (readonly [key: string, ids: readonly MessageId[]])[];

/** The record of a batch with an order to keep: whoever finds one of another batch has its messages waited for. */
export interface OpenBatch {
  readonly lines: Lines;
  readonly version: TextVersion;
}

/** How far a queue was read: when the oldest message of a batch was published, and when that batch was worked on (ISO 8601). */
export interface Progress {
  readonly oldestPublishedAt: string;
  readonly at: string;
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
  /** Takes the message for its owner; `false` where another holds it, or it is done or given up on already. */
  lease(queue: string, lease: Lease): Promise<boolean>;
  /** Completes a lease that `owner` still holds; `false` where it was lost. */
  completeLease(queue: string, id: MessageId, owner: string): Promise<boolean>;
  /** Gives a lease back before its time, so that the retry need not wait for its expiry. */
  releaseLease(queue: string, id: MessageId, owner: string): Promise<void>;
  /** The runs of suspects that were begun and have not ended; who has none is not in the map. Throws `StoreUnavailableError`. */
  attemptNotes(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, AttemptNote>>;
  /** Notes, before anything else is done, that these are run now. Throws `StoreUnavailableError`. */
  beginAttempts(queue: string, ids: readonly MessageId[], attempted: Attempted): Promise<void>;
  /** Notes that the runtime survived these. Throws `StoreUnavailableError`. */
  endAttempts(queue: string, ids: readonly MessageId[]): Promise<void>;
  /** Who waits for whom, by key. Throws `StoreUnavailableError`. */
  readHolds(queue: string, keys: readonly string[]): Promise<Map<string, Hold>>;
  /** Writes who waits from now on; `false` where another environment changed it meanwhile. Throws `StoreUnavailableError`. */
  writeHold(
    queue: string,
    key: string,
    ids: readonly MessageId[],
    before: Hold | undefined,
    firstSeenAtMs: number,
  ): Promise<boolean>;
  /** The batch of a shard that was begun and has not ended. Throws `StoreUnavailableError`. */
  readOpenBatch(shard: string): Promise<OpenBatch | undefined>;
  /** Records the lines of the batch that begins now in place of `before`; `undefined` where another environment was faster. Throws `StoreUnavailableError`. */
  beginBatch(shard: string, lines: Lines, before: TextVersion | undefined): Promise<TextVersion | undefined>;
  /** Removes the record of a batch that has ended; `false` where it is another batch's by now. Throws `StoreUnavailableError`. */
  endBatch(shard: string, version: TextVersion): Promise<boolean>;
  /** Throws `StoreUnavailableError`. */
  noteProgress(queue: string, progress: Progress): Promise<void>;
  /** Throws `StoreUnavailableError`. */
  readProgress(queue: string): Promise<Progress | undefined>;
}
