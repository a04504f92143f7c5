import { requestRefused, tableMissing, type Failure } from '../dynamodb/failure.ts';
import type { MessageId } from '../events/message-id.ts';
import { textOf, type KnownErrorCode } from '../runtime/error-codes.ts';
import { CodedError, describeError, StoreUnavailableError, type MisconfiguredError } from '../runtime/errors.ts';
import { selectBranches } from './branches.ts';
import { readReasons, writersOf, type Findings } from './cancellation.ts';
import type { Branch, Candidate } from './candidate.ts';
import type { Marker } from './inbox.ts';
import { isHandedOff, toMarker } from './marker.ts';
import type { Reply, Settled, State, Step } from './state.ts';
import { toTransaction, type Transaction } from './transaction.ts';

const nothing: Transaction = { writes: [], chosen: [], markers: [], itemIds: [] };

export function firstStep(
  candidates: readonly Candidate[],
  context: Pick<State, 'scope' | 'retryPolicy'>,
  nowMs: number,
): Step {
  const markersMet = new Set(candidates.filter(({ entry }) => entry.hasMarker || entry.leaseOwner !== undefined));
  const start = { ...context, later: [], markersMet, doubtful: new Set<Candidate>(), transaction: nothing };
  return plan({ ...start, pending: candidates, observed: new Map(), unanswered: 0, conflicts: 0 }, [], nowMs);
}

/**
 * Decides from the last reply of DynamoDB which messages have a result, and which request to send next. Does not modify
 * the arguments.
 */
export function step(state: State, reply: Reply, nowMs: number): Step {
  const { open } = state;
  switch (reply.is) {
    case 'committed':
      return committed(state, nowMs);
    case 'stopped':
      return stop(state, reply.error);
    case 'failed':
      return failedRequest(state, reply.failure, reply.error, nowMs);
    case 'markers':
      if (open?.of !== 'markers') throw new Error('the reply contains inbox records that the commit did not request');
      return cancelled(state, open.findings, reply.markers, open.error, nowMs);
    case 'missingTables':
      return setAside(state, tableMissing(reply.tables), nowMs);
    case 'markerWrites': {
      if (open?.of !== 'markerWrites')
        throw new Error('the reply belongs to the write of a single inbox record, which the commit did not request');
      if (reply.error !== undefined) {
        const refused = requestRefused([state.scope.name], reply.error);
        return stop(state, refused, refused);
      }
      const { message: text } = describeError(open.error);
      // The error is not permanent, because an operator can correct an item, for example if an attribute that should be a
      // number contains text.
      const error = new CodedError('INVALID_EFFECT', `DynamoDB refuses the effects: ${text}`, { cause: open.error });
      return settle(state, [failed(state, open.invalid, error)], nowMs);
    }
  }
}

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
  // The transaction of the first half has changed the observed items.
  return plan({ ...state, pending: next, later: rest, observed: new Map(), conflicts: 0 }, settled, nowMs);
}

function settle(state: State, settled: Settled, nowMs: number): Step {
  const gone = new Set(settled.map(([candidate]) => candidate));
  const pending = state.pending.filter((candidate) => !gone.has(candidate));
  return plan({ ...state, pending, conflicts: 0 }, settled, nowMs);
}

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
  // The remaining messages had no possible branch after the additions of the committed messages, so they fail now.
  const done = new Set(chosen.map(({ candidate }) => candidate));
  const refused = state.pending.filter((candidate) => !done.has(candidate));
  const failures = refused.map((candidate) => failedWith(state, candidate, 'CONDITION_FAILED'));
  return settle({ ...state, unanswered: 0 }, [...settled, ...failures], nowMs);
}

function failedRequest(before: State, failure: Failure, error: unknown, nowMs: number): Step {
  const { transaction, retryPolicy, doubtful } = before;
  const chosen = transaction.chosen.map(({ candidate }) => candidate);
  if (failure.is === 'lost' || failure.is === 'busy') {
    const state = failure.is === 'lost' ? { ...before, doubtful: new Set([...doubtful, ...chosen]) } : before;
    const unanswered = before.unanswered + 1;
    if (unanswered < (failure.is === 'lost' ? retryPolicy.attempts : retryPolicy.conflicts))
      return { state: { ...state, unanswered }, settled: [], next: { do: 'resend', retry: unanswered } };
    const unavailable = new StoreUnavailableError({ cause: error });
    return stop(state, unavailable, unavailable);
  }
  const state = { ...before, unanswered: 0 };
  switch (failure.is) {
    case 'cancelled':
      return cancelled(state, readReasons(failure.reasons, transaction), undefined, error, nowMs);
    case 'refused':
      return isolate(state, chosen, error, nowMs);
    case 'misconfigured': {
      const { code, tables } = failure.error;
      if (code !== 'TABLE_MISSING' || tables.length === 1) return setAside(state, failure.error, nowMs);
      return { state, settled: [], next: { do: 'findMissingTables' } };
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
  // A refused write matters only now: after new information about the items, the message might have taken another branch.
  if (misconfigured !== undefined) return setAside(state, misconfigured, nowMs);
  const [first] = invalid;
  if (first !== undefined) return isolate(state, first.members, new Error(first.message), nowMs);
  const writers = seen.flatMap(([itemId]) => writersOf(transaction, itemId));
  return conflict(state, [...conflicting, ...holders, ...writers], throttled, error, nowMs);
}

function resultOf(state: State, candidate: Candidate, marker: Marker, nowMs: number): Settled {
  const { entry } = candidate;
  switch (marker.state) {
    case 'completed':
    case 'rejected':
      return [[candidate, marker.payloadHash === entry.payloadHash ? { is: 'duplicate', marker } : { is: 'mismatch' }]];
    case 'dead-lettered':
      return isHandedOff(marker, entry) ? [[candidate, { is: 'parked', marker }]] : [];
    case 'leased':
      return marker.leaseExpiresAtMs > nowMs && marker.owner !== entry.leaseOwner
        ? [failedWith(state, candidate, 'LEASED')]
        : [];
    case 'retrying':
      return [];
  }
}

function conflict(
  state: State,
  conflicting: readonly Candidate[],
  throttled: readonly Candidate[],
  error: unknown,
  nowMs: number,
): Step {
  const conflicts = state.conflicts + 1;
  if (conflicts < state.retryPolicy.conflicts) return plan({ ...state, conflicts }, [], nowMs, conflicts);
  // A transaction that is cancelled again and again without a reason may be too large, which redelivering it cannot change.
  if (conflicting.length + throttled.length === 0) return isolate(state, state.pending, error, nowMs);
  const unavailable = new StoreUnavailableError({ cause: error });
  const losers = new Set(conflicting);
  for (const candidate of throttled) losers.delete(candidate);
  const settled = [
    ...[...losers].map((candidate) => failedWith(state, candidate, 'CONFLICT')),
    ...throttled.map((candidate) => unfinished(candidate, unavailable)),
  ];
  return settle(state, settled, nowMs);
}

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

function setAside(state: State, error: MisconfiguredError, nowMs: number): Step {
  const { tablePrefix } = state.scope;
  const tables = new Set(error.tables);
  const isOn = ({ operations }: Branch) => operations.some(({ table }) => tables.has(tablePrefix + table));
  const gone = state.transaction.chosen.filter(({ branch }) => isOn(branch)).map(({ candidate }) => candidate);
  if (gone.length === 0 || tables.has(state.scope.name)) return stop(state, error, error);
  const settled = gone.map((candidate) => unfinished(candidate, error));
  return settle(state, settled, nowMs);
}

const unfinished = (candidate: Candidate, error: Error) => [candidate, { is: 'unfinished', error }] as const;

const failed = ({ doubtful }: State, candidate: Candidate, error: Error) =>
  doubtful.has(candidate)
    ? unfinished(candidate, new StoreUnavailableError({ cause: error }))
    : ([candidate, { is: 'failed', error }] as const);

const failedWith = (state: State, candidate: Candidate, code: KnownErrorCode) =>
  failed(state, candidate, new CodedError(code, textOf(code)));
