import type { Failure } from '../dynamodb/failure.ts';
import type { RetryPolicy } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Observed } from './branches.ts';
import type { Findings } from './cancellation.ts';
import type { Candidate } from './candidate.ts';
import type { CommitResult, Marker } from './inbox.ts';
import type { Scope, Transaction } from './transaction.ts';

/** The state of one group's commit. */
export interface State {
  readonly scope: Scope;
  readonly retryPolicy: RetryPolicy;
  /** Messages without a result that the next transaction takes, in order. */
  readonly pending: readonly Candidate[];
  /** Messages that a bisection left for later transactions. */
  readonly later: readonly (readonly Candidate[])[];
  readonly observed: Observed;
  /** Messages that have a marker of an earlier attempt, which may give way. */
  readonly markersMet: ReadonlySet<Candidate>;
  /** Messages of a transaction whose reply was lost. They may be in the store, so they must not fail. */
  readonly doubtful: ReadonlySet<Candidate>;
  /** Requests in a row without a definite reply. */
  readonly unanswered: number;
  /** Cancellations in a row that showed nothing new. */
  readonly conflicts: number;
  readonly transaction: Transaction;
  /** What the engine continues with after the reply to a read. */
  readonly open?:
    | { readonly of: 'markers'; readonly findings: Findings; readonly error: unknown }
    | { readonly of: 'markerWrites'; readonly invalid: Candidate; readonly error: unknown };
}

/** What came of the last `Next`. */
export type Reply =
  | { readonly is: 'committed' }
  | { readonly is: 'failed'; readonly failure: Failure; readonly error: unknown }
  | { readonly is: 'markers'; readonly markers: ReadonlyMap<MessageId, Marker> }
  | { readonly is: 'missingTables'; readonly tables: readonly string[] }
  /** `error` is the error for a marker that belongs to no message, if DynamoDB refuses this too. */
  | { readonly is: 'markerWrites'; readonly error: unknown }
  /** The commit was aborted, or a read failed. */
  | { readonly is: 'stopped'; readonly error: Error };

/** What the runner does next. `retry` counts earlier attempts; the runner waits if there was one. */
export type Next =
  /** Send the transaction of the state with a new token. */
  | { readonly do: 'send'; readonly retry: number }
  /** Send the same transaction again with the same token. */
  | { readonly do: 'resend'; readonly retry: number }
  | { readonly do: 'findMarkers'; readonly ids: readonly MessageId[] }
  /** Find out which tables of the transaction do not exist. */
  | { readonly do: 'findMissingTables' }
  /** Find out whether DynamoDB accepts any marker. */
  | { readonly do: 'tryMarker' }
  /** Every message has its result. With `unavailable`, no other group can commit either. */
  | { readonly do: 'done'; readonly unavailable?: Error };

export type Settled = readonly (readonly [Candidate, CommitResult])[];

export interface Step {
  readonly state: State;
  readonly settled: Settled;
  readonly next: Next;
}
