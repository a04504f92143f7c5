import type { Failure } from '../dynamodb/failure.ts';
import type { Attributes } from '../dynamodb/item.ts';
import type { RetryPolicy } from '../dynamodb/retry-policy.ts';
import { textOf, type KnownErrorCode } from '../runtime/error-codes.ts';
import { CodedError, describeError, StoreUnavailableError, type MisconfiguredError } from '../runtime/errors.ts';
import { selectBranches, type Observed } from './branches.ts';
import { readReasons, writersOf } from './cancellation.ts';
import type { Candidate } from './candidate.ts';
import type { CommitResult, Marker } from './inbox.ts';
import { isHandedOff, toMarker } from './marker.ts';
import { toTransaction, type Scope, type Transaction } from './transaction.ts';

/** The state of a commit of several messages, which changes with each reply of DynamoDB. */
export interface State {
  readonly scope: Scope;
  readonly retryPolicy: RetryPolicy;
  readonly fresh: Fresh;
  /** The messages to commit with the next transaction, in order. If the list is empty, every message has a result. */
  readonly pending: readonly Candidate[];
  /**
   * The messages that wait for later transactions. A transaction is split into smaller ones to find a message that
   * DynamoDB refuses.
   */
  readonly later: readonly (readonly Candidate[])[];
  readonly observed: Observed;
  /** The messages that already have an inbox marker, for example of an earlier attempt. */
  readonly markersMet: ReadonlySet<Candidate>;
  /**
   * The messages that a transaction without a reply from DynamoDB may have committed. They are redelivered instead of
   * being treated as failed.
   */
  readonly doubtful: ReadonlySet<Candidate>;
  /** The transaction to send next. */
  readonly transaction: Transaction;
  /**
   * How many attempts to commit the messages of the next transaction have failed without progress. The wait before a
   * further attempt grows with this number.
   */
  readonly retry: number;
  /** How many replies to the current transaction were lost. If too many were lost, DynamoDB counts as unavailable. */
  readonly lost: number;
  readonly results: ReadonlyMap<Candidate, CommitResult>;
  /** Set if the commit ended because DynamoDB did not answer or because the deployment is wrong. */
  readonly unavailable?: Error;
}

/** What a step needs for a new transaction. */
export interface Fresh {
  readonly nowMs: number;
  /** A new idempotency token (`ClientRequestToken`). */
  readonly token: string;
}

export type Reply =
  | { readonly is: 'committed' }
  /** The commit did not send the transaction, because its time has run out or DynamoDB is unavailable. */
  | { readonly is: 'stopped'; readonly error: Error }
  | (Failure & { readonly error: unknown });

type Result = readonly [Candidate, CommitResult];

export function start(messages: readonly Candidate[], context: Pick<State, 'scope' | 'retryPolicy' | 'fresh'>): State {
  const markersMet = new Set(messages.filter(({ entry }) => entry.hasMarker || entry.leaseOwner !== undefined));
  const transaction = toTransaction([], markersMet, context.scope, context.fresh);
  const found = { observed: new Map(), markersMet, doubtful: new Set<Candidate>(), results: new Map() };
  return plan({ ...context, ...found, pending: messages, later: [], transaction, retry: 0, lost: 0 });
}

/**
 * Decides after a reply of DynamoDB which messages have a result, and which transaction the commit sends next. Does not
 * modify the arguments.
 */
export function step(before: State, reply: Reply, fresh: Fresh): State {
  const sent = before.transaction.chosen.map(({ candidate }) => candidate);
  const state = { ...before, fresh };
  switch (reply.is) {
    case 'committed':
      return committed(state);
    case 'stopped':
      return stop(state, reply.error);
    case 'lost': {
      const doubtful = new Set([...state.doubtful, ...sent]);
      const lost = state.lost + 1;
      return resend({ ...state, doubtful, lost }, lost < state.retryPolicy.attempts, reply.error);
    }
    case 'busy':
      return resend(state, state.retry + 1 < state.retryPolicy.conflicts, reply.error);
    case 'cancelled':
      return cancelled(state, reply);
    case 'refused':
      return isolate(state, sent, reply.error);
    case 'misconfigured':
      return setAside(state, reply.error);
  }
}

function plan(state: State, retry = 0): State {
  const { pending, later, observed, markersMet, scope, fresh } = state;
  if (pending.length > 0) {
    const { chosen, refused } = selectBranches(pending, observed);
    if (chosen.length === 0) return settle(state, all(refused, failed('CONDITION_FAILED')));
    return { ...state, retry, lost: 0, transaction: toTransaction(chosen, markersMet, scope, fresh) };
  }
  const [next, ...rest] = later;
  if (next === undefined) return state;
  // The transaction of the first half has changed the observed items.
  return plan({ ...state, pending: next, later: rest, observed: new Map() });
}

function settle(state: State, settled: readonly Result[]): State {
  const results = new Map(state.results);
  for (const [candidate, result] of settled) {
    const isDoubtful = result.is === 'failed' && state.doubtful.has(candidate);
    results.set(candidate, isDoubtful ? unfinished(new StoreUnavailableError({ cause: result.error })) : result);
  }
  return plan({ ...state, results, pending: state.pending.filter((each) => !results.has(each)) });
}

function stop(state: State, error: Error, unavailable?: Error): State {
  const remaining = [state.pending, ...state.later].flat();
  return settle({ ...state, later: [], unavailable }, all(remaining, unfinished(error)));
}

function resend(state: State, hasRetry: boolean, cause: unknown): State {
  if (hasRetry) return { ...state, retry: state.retry + 1 };
  const unavailable = new StoreUnavailableError({ cause });
  return stop(state, unavailable, unavailable);
}

function committed(state: State): State {
  const { chosen, markers } = state.transaction;
  const done = chosen.map(({ candidate }, n): Result => [candidate, { is: markers[n]!.state, marker: markers[n]! }]);
  // A remaining message is not committed, because the committed additions make the conditions of all its decisions false.
  return settle(state, [...all(state.pending, failed('CONDITION_FAILED')), ...done]);
}

function cancelled(before: State, { reasons, error }: Extract<Reply, { is: 'cancelled' }>): State {
  const { transaction } = before;
  const { met, seen, invalid, misconfigured, conflicting, throttled } = readReasons(reasons, transaction);
  const holders = met.map(([candidate]) => candidate);
  const observed = new Map([...before.observed, ...seen]);
  const markersMet = new Set([...before.markersMet, ...holders]);
  const state = { ...before, observed, markersMet };
  const results = met.flatMap(([candidate, item]): Result[] => {
    const result = item && resultOf(candidate, item, state);
    return result ? [[candidate, result]] : [];
  });
  if (results.length > 0) return settle(state, results);
  const isNews = observed.size > before.observed.size || markersMet.size > before.markersMet.size;
  if (isNews) return plan(state);
  // A refused write matters only if DynamoDB returned no new item. With a new item, a message may take another branch.
  if (misconfigured !== undefined) return setAside(state, misconfigured);
  const [first] = invalid;
  if (first !== undefined) return isolate(state, first.members, new Error(first.message));
  const writers = seen.flatMap(([itemId]) => writersOf(transaction, ({ id }) => id === itemId));
  return conflict(state, [...conflicting, ...holders, ...writers], throttled, error);
}

function resultOf(
  { entry }: Candidate,
  item: Attributes,
  { scope, fresh: { nowMs } }: State,
): CommitResult | undefined {
  let marker: Marker;
  try {
    marker = toMarker(scope.queue, item);
  } catch (error) {
    return { is: 'failed', error: error as Error };
  }
  switch (marker.state) {
    case 'completed':
    case 'rejected':
      return marker.payloadHash === entry.payloadHash ? { is: 'duplicate', marker } : { is: 'mismatch' };
    case 'dead-lettered':
      return isHandedOff(marker, entry) ? { is: 'parked', marker } : undefined;
    case 'leased':
      return marker.leaseExpiresAtMs > nowMs && marker.owner !== entry.leaseOwner ? failed('LEASED') : undefined;
    case 'retrying':
      return undefined;
  }
}

function conflict(state: State, losers: readonly Candidate[], throttled: readonly Candidate[], cause: unknown): State {
  const retry = state.retry + 1;
  if (retry < state.retryPolicy.conflicts) return plan(state, retry);
  // A transaction that is cancelled again and again without a reason may be too large, which redelivering it cannot change.
  if (losers.length + throttled.length === 0) return isolate(state, state.pending, cause);
  const unavailable = unfinished(new StoreUnavailableError({ cause }));
  return settle(state, [...all(losers, failed('CONFLICT')), ...all(throttled, unavailable)]);
}

function isolate(state: State, suspects: readonly Candidate[], cause: unknown): State {
  const { pending, later } = state;
  const invalid = [suspects, pending].find(({ length }) => length === 1);
  if (invalid !== undefined) {
    // The error is not permanent, because an operator can correct an item, for example if an attribute that should be a
    // number contains text.
    const text = `DynamoDB refuses the effects: ${describeError(cause).message}`;
    return settle(state, all(invalid, failed('INVALID_EFFECT', text, cause)));
  }
  const middle = Math.ceil(pending.length / 2);
  return plan({ ...state, pending: [], later: [pending.slice(0, middle), pending.slice(middle), ...later] });
}

function setAside(state: State, error: MisconfiguredError): State {
  const { scope, transaction } = state;
  const tables = new Set(error.tables);
  const writers = writersOf(transaction, ({ table }) => tables.has(scope.tablePrefix + table));
  if (writers.length === 0 || tables.has(scope.name)) return stop(state, error, error);
  return settle(state, all(writers, unfinished(error)));
}

const all = (candidates: readonly Candidate[], result: CommitResult): Result[] =>
  candidates.map((candidate) => [candidate, result]);

const unfinished = (error: Error): CommitResult => ({ is: 'unfinished', error });

const failed = (code: KnownErrorCode, text: string = textOf(code), cause?: unknown): CommitResult => ({
  is: 'failed',
  error: new CodedError(code, text, { cause }),
});
