import type { Failure } from '../dynamodb/failure.ts';
import type { RetryPolicy } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Observed } from './branches.ts';
import type { Findings } from './cancellation.ts';
import type { Candidate } from './candidate.ts';
import type { CommitResult, Marker } from './inbox.ts';
import type { Scope, Transaction } from './transaction.ts';

/** The state of the commit of one group of messages. */
export interface State {
  readonly scope: Scope;
  readonly retryPolicy: RetryPolicy;
  /** The messages that have no result yet and are part of the next transaction, in order. */
  readonly pending: readonly Candidate[];
  /**
   * Messages that are left for later transactions, because their group was split in half to find a message that
   * DynamoDB refuses.
   */
  readonly later: readonly (readonly Candidate[])[];
  readonly observed: Observed;
  /**
   * Messages that already have an inbox record, for example of an earlier attempt. The next transaction replaces this
   * inbox record if its state allows that.
   */
  readonly markersMet: ReadonlySet<Candidate>;
  /**
   * Messages whose transaction may have been committed, because DynamoDB's reply was lost. Such a message is redelivered
   * instead of being treated as failed.
   */
  readonly doubtful: ReadonlySet<Candidate>;
  /** The number of consecutive requests to which DynamoDB gave no definite reply. */
  readonly unanswered: number;
  /**
   * The number of consecutive cancelled transactions from which the commit learned nothing new: DynamoDB returned
   * neither an item nor an inbox record that the commit had not yet seen.
   */
  readonly conflicts: number;
  readonly transaction: Transaction;
  /**
   * Set while the commit reads inbox records or writes a test record in order to find out why the transaction failed.
   */
  readonly open?:
    | { readonly of: 'markers'; readonly findings: Findings; readonly error: unknown }
    | { readonly of: 'markerWrites'; readonly invalid: Candidate; readonly error: unknown };
}

/** The result of the DynamoDB request that the previous step asked for. */
export type Reply =
  | { readonly is: 'committed' }
  | { readonly is: 'failed'; readonly failure: Failure; readonly error: unknown }
  | { readonly is: 'markers'; readonly markers: ReadonlyMap<MessageId, Marker> }
  | { readonly is: 'missingTables'; readonly tables: readonly string[] }
  /** The reply to a test record in the inbox table. `error` is set if DynamoDB refuses even the test record. */
  | { readonly is: 'markerWrites'; readonly error: unknown }
  /** The commit was aborted before the request was sent, or reading the inbox records failed. */
  | { readonly is: 'stopped'; readonly error: Error };

/** The next DynamoDB request to send. `retry` is the number of earlier attempts, and a retry is sent after a delay. */
export type Next =
  /** Send the current transaction with a new idempotency token. */
  | { readonly do: 'send'; readonly retry: number }
  /** Send the same transaction again with the same idempotency token. */
  | { readonly do: 'resend'; readonly retry: number }
  | { readonly do: 'findMarkers'; readonly ids: readonly MessageId[] }
  /** Find out which tables of the transaction do not exist. */
  | { readonly do: 'findMissingTables' }
  /** Find out whether DynamoDB accepts a test record in the inbox table. */
  | { readonly do: 'tryMarker' }
  /**
   * Every message of the group has its result. `unavailable` is set if no other message can be committed either,
   * because DynamoDB is unavailable or the deployment is wrong. Groups that have not started are then not committed.
   */
  | { readonly do: 'done'; readonly unavailable?: Error };

export type Settled = readonly (readonly [Candidate, CommitResult])[];

export interface Step {
  readonly state: State;
  readonly settled: Settled;
  readonly next: Next;
}
