import type { Failure } from '../dynamodb/failure.ts';
import type { RetryPolicy } from '../dynamodb/retry-policy.ts';
import { textOf, type KnownErrorCode } from '../runtime/error-codes.ts';
import { CodedError, describeError, StoreUnavailableError, type MisconfiguredError } from '../runtime/errors.ts';
import { selectBranches, type Observed } from './branches.ts';
import { readReasons, writersOf } from './cancellation.ts';
import type { Candidate } from './candidate.ts';
import { resultForMarker } from './existing-marker.ts';
import type { CommitResult } from './inbox.ts';
import { readMarker } from './marker.ts';
import { toTransaction, type Fresh, type Transaction, type TransactionContext } from './transaction.ts';

/** The state of a commit of several messages, which changes with each reply of DynamoDB. */
export interface State extends TransactionContext {
  readonly retryPolicy: RetryPolicy;
  /** The messages without a result, in order. If the list is empty, the commit has ended. */
  readonly pending: readonly Candidate[];
  /**
   * How many of the pending messages the next transaction may contain. If DynamoDB refuses a transaction as invalid,
   * the number is halved, to find the message with the invalid write. After a committed transaction, the number is
   * doubled.
   */
  readonly size: number;
  readonly observed: Observed;
  /** The transaction to send next. */
  readonly transaction: Transaction;
  /**
   * How many consecutive transactions have failed without progress. The wait before the next transaction grows with
   * this number.
   */
  readonly retry: number;
  /**
   * How many times the current transaction was sent without a reply. After too many such attempts, DynamoDB is
   * considered unavailable, and the commit ends.
   */
  readonly lost: number;
  /**
   * Whether the reply to a transaction of this commit was lost. DynamoDB may have committed this transaction, so messages
   * are redelivered instead of being treated as failed.
   */
  readonly isDoubtful: boolean;
  readonly results: ReadonlyMap<Candidate, CommitResult>;
  /**
   * Why the commit ended early: DynamoDB did not answer, or the deployment is misconfigured. Absent if the commit did
   * not end early.
   */
  readonly unavailable?: Error;
}

export type Reply =
  | { readonly is: 'committed' }
  /**
   * The commit cannot continue: no time is left, DynamoDB is unavailable, or the transaction was cancelled and the inbox
   * markers that caused the cancellation could not be read.
   */
  | { readonly is: 'stopped'; readonly error: Error }
  | (Failure & { readonly error: unknown });

type Result = readonly [Candidate, CommitResult];

export function start(messages: readonly Candidate[], context: Pick<State, 'scope' | 'retryPolicy' | 'fresh'>): State {
  const markersMet = new Set(messages.filter(({ entry }) => entry.hasMarker || entry.leaseOwner !== undefined));
  const transaction = toTransaction([], { ...context, markersMet });
  const progress = { pending: messages, size: messages.length, observed: new Map(), results: new Map() };
  return plan({ ...context, ...progress, markersMet, transaction, retry: 0, lost: 0, isDoubtful: false });
}

/**
 * Returns the state of the commit after a reply from DynamoDB: the results of messages, and the transaction to send
 * next. Does not modify the arguments.
 */
export function step(before: State, reply: Reply, fresh: Fresh): State {
  const state = { ...before, fresh };
  switch (reply.is) {
    case 'committed':
      return committed(state);
    case 'stopped':
      return withResults(state, all(state.pending, unfinished(reply.error)));
    case 'lost': {
      const lost = state.lost + 1;
      return resend({ ...state, lost, isDoubtful: true }, lost < state.retryPolicy.attempts, reply.error);
    }
    case 'busy':
      return resend(state, state.retry + 1 < state.retryPolicy.conflicts, reply.error);
    case 'cancelled':
      return cancelled(state, reply);
    case 'refused':
      return bisect(state, attempted(state), reply.error);
    case 'misconfigured':
      return setAside(state, reply.error);
  }
}

function plan(state: State, retry = 0): State {
  if (state.pending.length === 0) return state;
  const { selected, refused } = selectBranches(attempted(state), state.observed);
  if (selected.length === 0) return withResults(state, all(refused, failed('CONDITION_FAILED')));
  return { ...state, retry, lost: 0, transaction: toTransaction(selected, state) };
}

function withResults(state: State, settled: readonly Result[]): State {
  const results = new Map(state.results);
  for (const [candidate, result] of settled) {
    const isDoubtful = result.is === 'failed' && state.isDoubtful;
    results.set(candidate, isDoubtful ? unfinished(new StoreUnavailableError({ cause: result.error })) : result);
  }
  // The next transaction may contain messages that were not sent before. They may be duplicates, and therefore must be sent even
  // if the observed items show that their conditions are false.
  const observed = state.size < state.pending.length ? new Map() : state.observed;
  return plan({ ...state, results, observed, pending: state.pending.filter((each) => !results.has(each)) });
}

const giveUp = (state: State, unavailable: Error): State =>
  withResults({ ...state, unavailable }, all(state.pending, unfinished(unavailable)));

const resend = (state: State, hasRetry: boolean, cause: unknown): State =>
  hasRetry ? { ...state, retry: state.retry + 1 } : giveUp(state, new StoreUnavailableError({ cause }));

function committed(state: State): State {
  const { selected, markers } = state.transaction;
  const done = selected.map(({ candidate }, n): Result => [candidate, { is: markers[n]!.state, marker: markers[n]! }]);
  // A message that is not committed now fails, because the committed additions make the conditions of all its decisions false.
  const settled = [...all(attempted(state), failed('CONDITION_FAILED')), ...done];
  // The transaction has changed the observed items.
  return withResults({ ...state, size: 2 * state.size, observed: new Map() }, settled);
}

function cancelled(before: State, { reasons, error }: Extract<Reply, { is: 'cancelled' }>): State {
  const { scope, fresh, retryPolicy, transaction } = before;
  const { met, seen, conflicting, throttled, invalid, misconfigured } = readReasons(reasons, transaction);
  const observed = new Map([...before.observed, ...seen]);
  const markersMet = new Set([...before.markersMet, ...met.map(([candidate]) => candidate)]);
  const state = { ...before, observed, markersMet };
  const results = met.flatMap(([candidate, item]): Result[] => {
    const result = item && resultForMarker(readMarker(scope.queue, item), candidate.entry, fresh.nowMs);
    return result ? [[candidate, result]] : [];
  });
  if (results.length > 0) return withResults(state, results);
  const isNews = observed.size + markersMet.size > before.observed.size + before.markersMet.size;
  if (isNews) return plan(state);
  // A refused write matters only if DynamoDB returned no new item. With a new item, a message may take another branch.
  if (misconfigured !== undefined) return setAside(state, misconfigured);
  if (invalid !== undefined) return bisect(state, invalid.members, new Error(invalid.message));
  const retry = state.retry + 1;
  if (retry < retryPolicy.conflicts) return plan(state, retry);
  // A transaction that is cancelled again and again without a reason may be too large, which redelivering it cannot change.
  if (conflicting.length + throttled.length === 0) return bisect(state, attempted(state), error);
  const unavailable = unfinished(new StoreUnavailableError({ cause: error }));
  return withResults(state, [...all(conflicting, failed('CONFLICT')), ...all(throttled, unavailable)]);
}

function bisect(state: State, possiblyInvalid: readonly Candidate[], cause: unknown): State {
  const sent = attempted(state);
  const invalid = [possiblyInvalid, sent].find(({ length }) => length === 1);
  if (invalid === undefined) return plan({ ...state, size: Math.ceil(sent.length / 2) });
  // The error is not permanent, because an operator can correct an item, for example if an attribute that should be a
  // number contains text.
  const text = `DynamoDB refuses the effects: ${describeError(cause).message}`;
  return withResults(state, all(invalid, failed('INVALID_EFFECT', text, cause)));
}

function setAside(state: State, error: MisconfiguredError): State {
  const { scope, transaction } = state;
  const tables = new Set(error.tables);
  const writers = writersOf(transaction, ({ table }) => tables.has(scope.tablePrefix + table));
  if (writers.length === 0 || tables.has(scope.name)) return giveUp(state, error);
  return withResults(state, all(writers, unfinished(error)));
}

const attempted = ({ pending, size }: State): readonly Candidate[] => pending.slice(0, size);

const all = (candidates: readonly Candidate[], result: CommitResult): Result[] =>
  candidates.map((candidate) => [candidate, result]);

const unfinished = (error: Error): CommitResult => ({ is: 'unfinished', error });

const failed = (code: KnownErrorCode, text: string = textOf(code), cause?: unknown): CommitResult => ({
  is: 'failed',
  error: new CodedError(code, text, { cause }),
});
