import { requestRefused, tableMissing, type Answer } from '../dynamodb/reply.ts';
import type { RetryPolicy } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import { CodedError, StoreUnavailableError, errorCodes, type MisconfiguredError } from '../runtime/errors.ts';
import { selectBranches, type Observed } from './branches.ts';
import { readReasons, writersOf, type Findings } from './cancellation.ts';
import type { Branch, Candidate } from './candidate.ts';
import type { CommitResult, Marker } from './inbox.ts';
import { isHandedOff, toMarker } from './marker.ts';
import { toTransaction, type Scope, type Transaction } from './transaction.ts';

/** How far the commit of one group is. */
export interface State {
  readonly scope: Scope;
  readonly retryPolicy: RetryPolicy;
  /** Messages of the next transaction that have no result, in order. */
  readonly pending: readonly Candidate[];
  /** Messages that a bisection left for later transactions. */
  readonly later: readonly (readonly Candidate[])[];
  readonly observed: Observed;
  /** Messages that have a marker which may give way. */
  readonly markersMet: ReadonlySet<Candidate>;
  /** Messages of a transaction whose reply was lost: they may be in the store, so they must not fail. */
  readonly doubtful: ReadonlySet<Candidate>;
  /** Requests in a row without a definite reply. */
  readonly unanswered: number;
  /** Cancellations in a row from which nothing was learned. */
  readonly conflicts: number;
  readonly transaction: Transaction;
  /** What the reply to a read is needed for. */
  readonly open?:
    | { readonly of: 'markers'; readonly findings: Findings; readonly error: unknown }
    | { readonly of: 'tables'; readonly error: MisconfiguredError }
    | { readonly of: 'markerWrites'; readonly invalid: Candidate; readonly error: unknown };
}

/** The reply to the last `Next`. */
export type Reply =
  | { readonly is: 'committed' }
  | { readonly is: 'failed'; readonly answer: Answer; readonly error: unknown }
  | { readonly is: 'markers'; readonly markers: ReadonlyMap<MessageId, Marker> }
  | { readonly is: 'missingTables'; readonly tables: readonly string[] }
  /** `error` is DynamoDB's refusal of a marker that belongs to no message. */
  | { readonly is: 'markerWrites'; readonly error: unknown }
  /** The time is up, or a read failed. */
  | { readonly is: 'stopped'; readonly error: Error };

/** What the runner does next. `retry` counts the attempts before it: above 0, the runner waits. */
export type Next =
  /** Send the transaction of the state, under a new token. */
  | { readonly do: 'send'; readonly retry: number }
  /** Send the same transaction again, under the same token. */
  | { readonly do: 'resend'; readonly retry: number }
  | { readonly do: 'findMarkers'; readonly ids: readonly MessageId[] }
  /** Find out which tables of the transaction do not exist. */
  | { readonly do: 'findMissingTables'; readonly suspected: readonly string[] }
  /** Find out whether DynamoDB accepts any marker. */
  | { readonly do: 'tryMarker' }
  /** Every message has its result. `unavailable`: no other group can commit either. */
  | { readonly do: 'done'; readonly unavailable?: Error };

export type Settled = readonly (readonly [Candidate, CommitResult])[];

export interface Step {
  readonly state: State;
  readonly settled: Settled;
  readonly next: Next;
}

const nothing: Transaction = { writes: [], chosen: [], markers: [], itemIds: [] };

/** The first step of a group. */
export function begin(
  candidates: readonly Candidate[],
  context: Pick<State, 'scope' | 'retryPolicy'>,
  nowMs: number,
): Step {
  const markersMet = new Set(candidates.filter(({ entry }) => entry.hasMarker));
  const start = { ...context, later: [], markersMet, doubtful: new Set<Candidate>(), transaction: nothing };
  return plan({ ...start, pending: candidates, observed: new Map(), unanswered: 0, conflicts: 0 }, [], nowMs);
}

/** Decides from the reply to the last request which messages are settled, and what to do next. Changes nothing. */
export function step(state: State, reply: Reply, nowMs: number): Step {
  const { open } = state;
  switch (reply.is) {
    case 'committed':
      return committed(state, nowMs);
    case 'stopped':
      return stop(state, reply.error);
    case 'failed':
      return failedRequest(state, reply.answer, reply.error, nowMs);
    case 'markers':
      if (open?.of !== 'markers') throw new Error('the commit asked for no markers');
      return cancelled(state, open.findings, reply.markers, open.error, nowMs);
    case 'missingTables':
      return setAside(state, tableMissing(reply.tables, open?.error), nowMs);
    case 'markerWrites': {
      if (open?.of !== 'markerWrites') throw new Error('the commit tried no marker');
      if (reply.error !== undefined) {
        const refused = requestRefused([state.scope.name], reply.error);
        return stop(state, refused, refused);
      }
      const text = open.error instanceof Error ? open.error.message : String(open.error);
      // Not a permanent error: the item may change, for example a text to which a number is added.
      const error = new CodedError('INVALID_EFFECT', `DynamoDB refuses the effects: ${text}`, { cause: open.error });
      return settle(state, [failed(state, open.invalid, error)], nowMs);
    }
  }
}

/** Plans the next transaction of the pending messages, or of the next half if none is pending. */
function plan(state: State, settled: Settled, nowMs: number, retry = 0): Step {
  const { pending, later, markersMet, scope } = state;
  if (pending.length > 0) {
    const { chosen, refused } = selectBranches(pending, state.observed);
    if (chosen.length === 0) {
      const results = refused.map((candidate) => failedWith(state, candidate, 'CONDITION_FAILED'));
      return plan({ ...state, pending: [] }, [...settled, ...results], nowMs);
    }
    const transaction = toTransaction(chosen, markersMet, scope, nowMs);
    return { state: { ...state, transaction, open: undefined }, settled, next: { do: 'send', retry } };
  }
  const [next, ...rest] = later;
  if (next === undefined) return { state, settled, next: { do: 'done' } };
  // The half before has changed the items that were observed.
  return plan({ ...state, pending: next, later: rest, observed: new Map(), conflicts: 0 }, settled, nowMs);
}

/** Continues without the settled messages. */
function settle(state: State, settled: Settled, nowMs: number): Step {
  const gone = new Set(settled.map(([candidate]) => candidate));
  const pending = state.pending.filter((candidate) => !gone.has(candidate));
  return plan({ ...state, pending, conflicts: 0 }, settled, nowMs);
}

/** Ends the group: nothing is known about the messages without a result. */
function stop(state: State, error: Error, unavailable?: Error): Step {
  const settled = [state.pending, ...state.later].flat().map((candidate) => unfinished(candidate, error));
  return { state: { ...state, pending: [], later: [] }, settled, next: { do: 'done', unavailable } };
}

function committed(state: State, nowMs: number): Step {
  const { chosen, markers } = state.transaction;
  const settled = chosen.map(({ candidate }, n) => {
    const marker = markers[n]!;
    return [candidate, { is: marker.state, marker }] as const;
  });
  // The others had no branch left after the additions of these, so they fail only now.
  const done = new Set(chosen.map(({ candidate }) => candidate));
  const refused = state.pending.filter((candidate) => !done.has(candidate));
  const failures = refused.map((candidate) => failedWith(state, candidate, 'CONDITION_FAILED'));
  return settle({ ...state, unanswered: 0 }, [...settled, ...failures], nowMs);
}

function failedRequest(before: State, answer: Answer, error: unknown, nowMs: number): Step {
  const { transaction, retryPolicy, doubtful } = before;
  const chosen = transaction.chosen.map(({ candidate }) => candidate);
  if (answer.is === 'lost' || answer.is === 'busy') {
    const state = answer.is === 'lost' ? { ...before, doubtful: new Set([...doubtful, ...chosen]) } : before;
    const unanswered = before.unanswered + 1;
    if (unanswered < (answer.is === 'lost' ? retryPolicy.attempts : retryPolicy.conflicts))
      return { state: { ...state, unanswered }, settled: [], next: { do: 'resend', retry: unanswered } };
    const unavailable = new StoreUnavailableError({ cause: error });
    return stop(state, unavailable, unavailable);
  }
  const state = { ...before, unanswered: 0 };
  switch (answer.is) {
    case 'cancelled':
      return cancelled(state, readReasons(answer.reasons, transaction), undefined, error, nowMs);
    case 'refused':
      return isolate(state, chosen, error, nowMs);
    case 'misconfigured': {
      const { code, tables } = answer.error;
      if (code !== 'TABLE_MISSING' || tables.length === 1) return setAside(state, answer.error, nowMs);
      const open = { of: 'tables', error: answer.error } as const;
      return { state: { ...state, open }, settled: [], next: { do: 'findMissingTables', suspected: tables } };
    }
    case 'tokenUsed':
      return conflict({ ...state, doubtful: new Set([...doubtful, ...chosen]) }, chosen, [], error, nowMs);
  }
}

function cancelled(
  before: State,
  findings: Findings,
  found: ReadonlyMap<MessageId, Marker> | undefined,
  error: unknown,
  nowMs: number,
): Step {
  const { scope, transaction, observed, markersMet } = before;
  const { met, seen, invalid, misconfigured, conflicting, throttled } = findings;
  const unseen = met.filter(([, item]) => item === undefined).map(([{ entry }]) => entry.id);
  if (unseen.length > 0 && found === undefined) {
    const open = { of: 'markers', findings, error } as const;
    return { state: { ...before, open }, settled: [], next: { do: 'findMarkers', ids: unseen } };
  }
  const settled = met.flatMap(([candidate, item]) => {
    const marker = item === undefined ? found?.get(candidate.entry.id) : toMarker(scope.queue, item);
    return marker === undefined ? [] : resultOf(before, candidate, marker, nowMs);
  });
  const holders = met.map(([candidate]) => candidate);
  const isNews = seen.some(([id]) => !observed.has(id)) || holders.some((candidate) => !markersMet.has(candidate));
  const state = {
    ...before,
    observed: new Map([...observed, ...seen]),
    markersMet: new Set([...markersMet, ...holders]),
  };
  if (settled.length > 0) return settle(state, settled, nowMs);
  if (isNews) return plan(state, [], nowMs);
  // Only now: a branch that DynamoDB refuses counts only if its conditions hold.
  if (misconfigured !== undefined) return setAside(state, misconfigured, nowMs);
  const [first] = invalid;
  if (first !== undefined) return isolate(state, first.members, new Error(first.message), nowMs);
  const writers = seen.flatMap(([itemId]) => writersOf(transaction, itemId));
  return conflict(state, [...conflicting, ...holders, ...writers], throttled, error, nowMs);
}

/** The result of a message whose marker did not give way; none if the marker gives way by now. */
function resultOf(state: State, candidate: Candidate, marker: Marker, nowMs: number): Settled {
  const { entry } = candidate;
  switch (marker.state) {
    case 'completed':
    case 'rejected':
      return [[candidate, marker.payloadHash === entry.payloadHash ? { is: 'duplicate', marker } : { is: 'mismatch' }]];
    case 'dead-lettered':
      return isHandedOff(marker, entry) ? [[candidate, { is: 'parked', marker }]] : [];
    case 'leased':
      return marker.leaseExpiresAtMs > nowMs ? [failedWith(state, candidate, 'LEASED')] : [];
    case 'retrying':
      return [];
  }
}

/** Tries again after a pause; after too many attempts gives up on the messages that are in conflict, so that the others continue. */
function conflict(
  state: State,
  conflicting: readonly Candidate[],
  throttled: readonly Candidate[],
  error: unknown,
  nowMs: number,
): Step {
  const conflicts = state.conflicts + 1;
  if (conflicts < state.retryPolicy.conflicts) return plan({ ...state, conflicts }, [], nowMs, conflicts);
  const unavailable = new StoreUnavailableError({ cause: error });
  const losers = new Set(conflicting);
  for (const candidate of throttled) losers.delete(candidate);
  const isKnown = losers.size + throttled.length > 0;
  const settled = [
    ...[...losers].map((candidate) => failedWith(state, candidate, 'CONFLICT')),
    ...(isKnown ? throttled : state.pending).map((candidate) => unfinished(candidate, unavailable)),
  ];
  return settle(state, settled, nowMs);
}

/** Finds the message that DynamoDB refuses: by halves, if it is one of several. */
function isolate(state: State, suspects: readonly Candidate[], error: unknown, nowMs: number): Step {
  const { pending, later } = state;
  const [invalid] = suspects.length === 1 ? suspects : pending.length === 1 ? pending : [];
  if (invalid !== undefined) {
    const open = { of: 'markerWrites', invalid, error } as const;
    return { state: { ...state, open }, settled: [], next: { do: 'tryMarker' } };
  }
  const middle = Math.ceil(pending.length / 2);
  const halves = [pending.slice(0, middle), pending.slice(middle)];
  return plan({ ...state, pending: [], later: [...halves, ...later] }, [], nowMs);
}

/** The messages on tables that cannot be used come back with their batch, the others continue. */
function setAside(state: State, error: MisconfiguredError, nowMs: number): Step {
  const { tablePrefix } = state.scope;
  const tables = new Set(error.tables);
  const isOn = ({ operations }: Branch) => operations.some(({ table }) => tables.has(tablePrefix + table));
  const gone = state.transaction.chosen.filter(({ branch }) => isOn(branch)).map(({ candidate }) => candidate);
  if (gone.length === 0 || tables.has(state.scope.name)) return stop(state, error, error);
  return settle(
    state,
    gone.map((candidate) => unfinished(candidate, error)),
    nowMs,
  );
}

const unfinished = (candidate: Candidate, error: Error) => [candidate, { is: 'unfinished', error }] as const;

/** A message that may be in the store must not fail: it comes back, and its marker tells. */
const failed = ({ doubtful }: State, candidate: Candidate, error: Error) =>
  doubtful.has(candidate)
    ? unfinished(candidate, new StoreUnavailableError({ cause: error }))
    : ([candidate, { is: 'failed', error }] as const);

const failedWith = (state: State, candidate: Candidate, code: keyof typeof errorCodes) =>
  failed(state, candidate, new CodedError(code, errorCodes[code]));
