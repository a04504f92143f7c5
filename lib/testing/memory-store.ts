import type { Decision } from '../inbox/decision.ts';
import type { ConsumerPorts } from '../consumer/parts.ts';
import type { Progress } from '../consumer/progress.ts';
import type { AttemptRun } from '../crash-loop/attempt-log.ts';
import type { CommitResult, Entry, Marker, Handoff } from '../inbox/inbox.ts';
import type { BlockedKey } from '../ordering/blocked-keys.ts';
import type { OpenBatch } from '../ordering/open-batches.ts';
import type { TextVersion } from '../dynamodb/long-text.ts';
import { compareAttempts, isHandedOff } from '../inbox/marker.ts';
import type { Clock } from '../runtime/clock.ts';
import { CodedError } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';

/** The contents of the in-memory store that replaces DynamoDB in the model. */
export interface ModelStore {
  readonly markers: Map<MessageId, Marker>;
  /** How often the effects of each message were applied, by message id. */
  readonly applied: Map<MessageId, number>;
  /** The ids of the completed messages, in the order in which they were completed. */
  readonly completed: MessageId[];
  readonly attempts: Map<MessageId, readonly AttemptRun[]>;
  readonly blockedKeys: Map<string, BlockedKey>;
  openBatch?: OpenBatch;
}

export const emptyStore = (): ModelStore => ({
  markers: new Map(),
  applied: new Map(),
  completed: [],
  attempts: new Map(),
  blockedKeys: new Map(),
});

const AT = '2026-01-01T00:00:00.000Z';

/**
 * Implements in memory the interfaces through which a consumer uses DynamoDB. Each call takes effect at once and
 * completely.
 */
export function modelPorts(store: ModelStore, clock: Clock): ConsumerPorts {
  const { markers, attempts, blockedKeys } = store;
  let progress: Progress | undefined;
  return {
    inbox: {
      find: async (_, ids) => entriesOf(markers, ids),
      commit: async (queue, entries) => entries.map((entry) => commitOne(store, queue, entry, clock.now())),
      claimDeadLetters: async (queue, placements) =>
        placements.map((placement) =>
          note(markers, queue, placement, true, clock.now()) ? undefined : markers.get(placement.id),
        ),
      recordHandoffs: async (queue, placements) => {
        for (const placement of placements) note(markers, queue, placement, false, clock.now());
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
        markers.set(id, { queue, id, payloadHash, at: AT, state: 'leased', owner, leaseExpiresAtMs });
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
          const left = run ? (attempts.get(id) ?? []).filter((one) => one.id !== run.id) : [];
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

function commitOne(store: ModelStore, queue: string, entry: Entry, nowMs: number): CommitResult {
  const { id, payloadHash, decision, leaseOwner } = entry;
  const known = store.markers.get(id);
  if (known?.state === 'dead-lettered' && isHandedOff(known, entry)) return { is: 'parked', marker: known };
  if (known?.state === 'completed' || known?.state === 'rejected')
    return known.payloadHash === payloadHash ? { is: 'duplicate', marker: known } : { is: 'mismatch' };
  if (known?.state === 'leased' && isHeldByOther(known, leaseOwner, nowMs))
    return { is: 'failed', error: new CodedError('LEASED', 'another environment has the lease') };
  // In the model the condition of an effect never holds.
  const refused = decision.effects.some((effect) => effect.kind === 'add' && effect.atLeast !== undefined);
  const done: Decision | undefined = refused ? decision.otherwise : decision;
  if (!done) return { is: 'failed', error: new Error('a condition failed') };
  for (let times = done.effects.length; times > 0; times -= 1) store.applied.set(id, (store.applied.get(id) ?? 0) + 1);
  const marker: Extract<Marker, { state: 'completed' | 'rejected' }> = {
    queue,
    id,
    payloadHash,
    at: AT,
    state: done.outcome ?? 'completed',
    events: (done.events ?? []).map(({ event: { type, version, exchange }, data }) => ({
      id: `${id}-followed` as MessageId,
      type,
      version,
      exchange,
      data,
    })),
  };
  store.markers.set(id, marker);
  store.completed.push(id);
  return { is: marker.state, marker };
}

/**
 * Records that a copy of a message was published to a delay queue or to the dead-letter exchange. Returns false, and
 * records nothing, if the inbox contains the same or a later state.
 */
function note(
  markers: ModelStore['markers'],
  queue: string,
  placement: Handoff,
  isPending: boolean,
  nowMs: number,
): boolean {
  const { id, payloadHash, state, code, message, redrives, attempt, leaseOwner } = placement;
  const stored = markers.get(id);
  if (stored?.state === 'leased' && isHeldByOther(stored, leaseOwner, nowMs)) return false;
  const known = stored?.state === 'leased' ? undefined : stored;
  if (known && !('attempt' in known)) return false;
  const isConfirmed = known?.isPending && known.code === code && state === 'dead-lettered';
  const difference = known ? compareAttempts(placement, known) : 1;
  if (difference < 0 || (difference === 0 && !isConfirmed)) return false;
  markers.set(id, { queue, id, payloadHash, at: AT, state, code, message, redrives, attempt, isPending });
  return true;
}

let versions = 0;
const newVersion = (): TextVersion => ({ id: String(++versions), parts: 0 });
