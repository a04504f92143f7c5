import type { Failure } from '../dynamodb/failure.ts';
import type { RetryPolicy } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Observed } from './branches.ts';
import type { Findings } from './cancellation.ts';
import type { Candidate } from './candidate.ts';
import type { CommitResult, Marker } from './inbox.ts';
import type { Scope, Transaction } from './transaction.ts';

export interface State {
  readonly scope: Scope;
  readonly retryPolicy: RetryPolicy;
  /** The messages of the next transaction, in order. They have no result yet. */
  readonly pending: readonly Candidate[];
  /**
   * The messages that wait for later transactions. A transaction is split into smaller ones to find a message that
   * DynamoDB refuses.
   */
  readonly later: readonly (readonly Candidate[])[];
  readonly observed: Observed;
  /** The messages that already have an inbox record, for example of an earlier attempt. */
  readonly markersMet: ReadonlySet<Candidate>;
  /**
   * The messages that a transaction without a reply from DynamoDB may have committed. They are redelivered instead of
   * being treated as failed.
   */
  readonly doubtful: ReadonlySet<Candidate>;
  /** The number of consecutive requests without a definite reply from DynamoDB. */
  readonly unanswered: number;
  /**
   * How many transactions DynamoDB cancelled, because of conflicts or throttling, since the last message got a result.
   */
  readonly conflicts: number;
  readonly transaction: Transaction;
  readonly open?:
    | { readonly of: 'markers'; readonly findings: Findings; readonly error: unknown }
    | { readonly of: 'markerWrites'; readonly invalid: Candidate; readonly error: unknown };
}

export type Reply =
  | { readonly is: 'committed' }
  | { readonly is: 'failed'; readonly failure: Failure; readonly error: unknown }
  | { readonly is: 'markers'; readonly markers: ReadonlyMap<MessageId, Marker> }
  | { readonly is: 'missingTables'; readonly tables: readonly string[] }
  | { readonly is: 'markerWrites'; readonly error: unknown }
  | { readonly is: 'stopped'; readonly error: Error };

/** The next DynamoDB request to send. `retry` is the number of earlier attempts. */
export type Next =
  /** The commit sends the current transaction with a new idempotency token. */
  | { readonly do: 'send'; readonly retry: number }
  /** The commit sends the previous transaction again, with an unchanged idempotency token. */
  | { readonly do: 'resend'; readonly retry: number }
  | { readonly do: 'findMarkers'; readonly ids: readonly MessageId[] }
  | { readonly do: 'findMissingTables' }
  | { readonly do: 'tryMarker' }
  /**
   * No DynamoDB request is left to send for the current group of messages. `unavailable` is set if DynamoDB did not
   * answer.
   */
  | { readonly do: 'done'; readonly unavailable?: Error };

export type Settled = readonly (readonly [Candidate, CommitResult])[];

export interface Step {
  readonly state: State;
  readonly settled: Settled;
  readonly next: Next;
}
