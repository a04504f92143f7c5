import { randomUUID } from 'node:crypto';

import type { Decision } from '../inbox/decision.ts';
import type { ConsumerPorts } from '../consumer/dependencies.ts';
import type { Progress } from '../consumer/progress.ts';
import type { AttemptRun } from '../crash-loop/attempt-log.ts';
import type { Effect } from '../dynamodb/effects.ts';
import { storedEvents, toCandidate } from '../inbox/candidate.ts';
import { resultForMarker } from '../inbox/existing-marker.ts';
import type { CommitResult, Entry, Marker, Handoff } from '../inbox/inbox.ts';
import type { BlockedKey } from '../ordering/blocked-keys.ts';
import type { OpenBatch } from '../ordering/open-batches.ts';
import type { TextVersion } from '../dynamodb/long-text.ts';
import { compareAttempts, isHandedOff } from '../inbox/marker.ts';
import type { Clock } from '../runtime/clock.ts';
import { textOf } from '../runtime/error-codes.ts';
import { CodedError } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';
import { applyOperations, type ItemChange, type Items } from './items.ts';

export interface MemoryStore {
  readonly items: Items;
  readonly markers: Map<MessageId, Marker>;
  readonly commits: Commit[];
  readonly attempts: Map<MessageId, readonly AttemptRun[]>;
  readonly blockedKeys: Map<string, BlockedKey>;
  openBatch?: OpenBatch;
}

/** The effects of one message that were written to the in-memory store. */
export interface Commit {
  readonly id: MessageId;
  readonly state: 'completed' | 'rejected';
  readonly reason?: string;
  readonly effects: readonly Effect[];
  readonly changes: readonly ItemChange[];
  readonly failedConditions: readonly string[];
}

export const emptyStore = (): MemoryStore => ({
  items: new Map(),
  markers: new Map(),
  commits: [],
  attempts: new Map(),
  blockedKeys: new Map(),
});

export function memoryPorts(store: MemoryStore, clock: Clock): ConsumerPorts {
  const { markers, attempts, blockedKeys } = store;
  let progress: Progress | undefined;
  return {
    inbox: {
      find: async (_, ids) => entriesOf(markers, ids),
      commit: async (queue, entries) => entries.map((entry) => commitOne(store, queue, entry, clock.now())),
      claimDeadLetters: async (queue, handoffs) =>
        handoffs.map((handoff) =>
          recordHandoff(markers, queue, handoff, true, clock.now())
            ? { is: 'claimed' }
            : { is: 'refused', marker: markers.get(handoff.id)! },
        ),
      recordHandoffs: async (queue, handoffs) => {
        for (const handoff of handoffs) recordHandoff(markers, queue, handoff, false, clock.now());
      },
    },
    leases: {
      async take(queue, lease) {
        const { id, payloadHash, owner, durationMs } = lease;
        const known = markers.get(id);
        const isHeld = known?.state === 'leased' && isHeldByOther(known, owner, clock.now());
        if (isHeld || known?.state === 'completed' || known?.state === 'rejected') return false;
        if (known?.state === 'dead-lettered' && isHandedOff(known, lease)) return false;
        const leaseExpiresAtMs = clock.now() + durationMs;
        markers.set(id, { queue, id, payloadHash, at: iso(clock.now()), state: 'leased', owner, leaseExpiresAtMs });
        return true;
      },
      async release(_, id, owner) {
        const known = markers.get(id);
        if (known?.state === 'leased' && known.owner === owner) markers.set(id, { ...known, leaseExpiresAtMs: 0 });
      },
    },
    attemptLog: {
      async read(_, ids) {
        const isolated = (runs: readonly AttemptRun[]) => runs.filter(({ kind }) => kind === 'isolated');
        return new Map(
          [...entriesOf(attempts, ids)].map(([id, runs]) => [
            id,
            { isolatedEndByMs: isolated(runs).map(({ endsByMs }) => endsByMs) },
          ]),
        );
      },
      async begin(_, ids, run) {
        for (const id of ids) attempts.set(id, [...(attempts.get(id) ?? []), run]);
      },
      async end(_, ended) {
        for (const [id, run] of ended) {
          const left = run === 'all' ? [] : (attempts.get(id) ?? []).filter((one) => one.id !== run.id);
          if (left.length > 0) attempts.set(id, left);
          else attempts.delete(id);
        }
      },
    },
    blockedKeys: {
      read: async (_, keys) => entriesOf(blockedKeys, keys),
      async write(_, key, next, before) {
        if (blockedKeys.get(key)?.version.id !== before?.version.id) return false;
        if (next.ids.length === 0) blockedKeys.delete(key);
        else blockedKeys.set(key, { ...next, version: newVersion() });
        return true;
      },
    },
    openBatches: {
      read: async () => store.openBatch,
      async begin(_, sequences, before) {
        if (store.openBatch?.version.id !== before?.id) return undefined;
        store.openBatch = { sequences, version: newVersion() };
        return store.openBatch.version;
      },
      async end(_, { id }) {
        if (store.openBatch && store.openBatch.version.id !== id) return false;
        store.openBatch = undefined;
        return true;
      },
    },
    progress: {
      record: async (_, recorded) => void (progress = recorded),
      read: async () => progress,
    },
  };
}

const entriesOf = <K, V>(map: ReadonlyMap<K, V>, keys: readonly K[]): Map<K, V> =>
  new Map(
    keys.flatMap((key) => {
      const value = map.get(key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );

type LeaseMarker = Extract<Marker, { state: 'leased' }>;

const isHeldByOther = ({ owner, leaseExpiresAtMs }: LeaseMarker, me: string | undefined, nowMs: number) =>
  leaseExpiresAtMs > nowMs && owner !== me;

function commitOne(store: MemoryStore, queue: string, entry: Entry, nowMs: number): CommitResult {
  const { id, payloadHash } = entry;
  const candidate = toCandidate(entry, queue);
  if ('error' in candidate) return candidate;
  const known = store.markers.get(id);
  const result = known && resultForMarker(known, entry, nowMs);
  if (result !== undefined) return result;
  const failedConditions: string[] = [];
  let decision: Decision | undefined = entry.decision;
  for (const branch of candidate.branches) {
    const applied = applyOperations(branch.operations, store.items);
    if (applied.is === 'refused')
      return {
        is: 'failed',
        error: new CodedError('INVALID_EFFECT', `DynamoDB refuses the effects: ${applied.reason}`),
      };
    if (applied.is === 'applied') {
      const { state, reason } = branch;
      const events = storedEvents(queue, entry, branch);
      const marker = { queue, id, payloadHash, at: iso(nowMs), state, reason, events };
      store.markers.set(id, marker);
      store.commits.push({ id, state, reason, failedConditions, effects: decision!.effects, changes: applied.changes });
      return { is: state, marker };
    }
    failedConditions.push(applied.reason);
    decision = decision?.otherwise;
  }
  const message = `${textOf('CONDITION_FAILED')} The failed condition: ${failedConditions.join('; ')}`;
  return { is: 'failed', error: new CodedError('CONDITION_FAILED', message) };
}

const iso = (ms: number): string => new Date(ms).toISOString();

function recordHandoff(
  markers: MemoryStore['markers'],
  queue: string,
  handoff: Handoff,
  isPending: boolean,
  nowMs: number,
): boolean {
  const { id, payloadHash, state, code, message, redrives, attempt, leaseOwner } = handoff;
  const stored = markers.get(id);
  if (stored?.state === 'leased' && isHeldByOther(stored, leaseOwner, nowMs)) return false;
  const known = stored?.state === 'leased' ? undefined : stored;
  if (known && !('attempt' in known)) return false;
  const difference = known ? compareAttempts(handoff, known) : 1;
  const isConfirmed = difference === 0 && known?.isPending && known.code === code && state === 'dead-lettered';
  const isLater = known?.state === 'dead-lettered' ? redrives > known.redrives : difference > 0;
  if (!isLater && !isConfirmed) return false;
  markers.set(id, { queue, id, payloadHash, at: iso(nowMs), state, code, message, redrives, attempt, isPending });
  return true;
}

const newVersion = (): TextVersion => ({ id: randomUUID(), parts: 0 });
