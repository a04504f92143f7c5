import type { Decision } from '../../lib/inbox/decision.ts';
import type { CommitResult, Entry, Hold, Inbox, Lines, Marker, Placement, Progress } from '../../lib/inbox/inbox.ts';
import type { MessageId } from '../../lib/message-id.ts';

/** What the store of the model holds. */
export interface ModelStore {
  readonly markers: Map<MessageId, Marker>;
  /** How often the effects of each message were applied. */
  readonly applied: Map<MessageId, number>;
  /** Ids in the order in which they were completed. */
  readonly completed: MessageId[];
  readonly isolated: Map<MessageId, number>;
  readonly holds: Map<string, Hold>;
  inFlight: Lines;
}

export const emptyStore = (): ModelStore => ({
  markers: new Map(),
  applied: new Map(),
  completed: [],
  isolated: new Map(),
  holds: new Map(),
  inFlight: [],
});

const AT = '2026-01-01T00:00:00.000Z';

/** The inbox's promises in memory: each call happens whole, in one instant. */
export function modelInbox(store: ModelStore): Inbox {
  const { markers, isolated, holds } = store;
  let progress: Progress | undefined;
  return {
    find: async (_, ids) =>
      new Map(
        ids.flatMap((id) => {
          const marker = markers.get(id);
          return marker ? [[id, marker] as const] : [];
        }),
      ),
    commit: async (queue, entries) => entries.map((entry) => commitOne(store, queue, entry)),
    recordPlacements: async (queue, placements) => {
      for (const placement of placements) note(markers, queue, placement);
    },
    lease: async () => false,
    completeLease: async () => false,
    releaseLease: async () => {},
    isolatedRuns: async (_, ids) => new Map(ids.map((id) => [id, isolated.get(id) ?? 0])),
    beginIsolated: async (_, id) => void isolated.set(id, (isolated.get(id) ?? 0) + 1),
    endIsolated: async (_, id) => void isolated.delete(id),
    readHolds: async (_, keys) =>
      new Map(
        keys.flatMap((key) => {
          const hold = holds.get(key);
          return hold ? [[key, hold] as const] : [];
        }),
      ),
    async writeHold(_, key, ids, before) {
      if (holds.get(key)?.version !== before?.version) return false;
      if (ids.length === 0) holds.delete(key);
      else holds.set(key, { ids, version: (before?.version ?? 0) + 1, changedAtMs: Date.now() });
      return true;
    },
    readInFlight: async () => store.inFlight,
    noteInFlight: async (_, lines) => void (store.inFlight = lines),
    noteProgress: async (_, noted) => void (progress = noted),
    readProgress: async () => progress,
  };
}

function commitOne(store: ModelStore, queue: string, { id, payloadHash, decision }: Entry): CommitResult {
  const known = store.markers.get(id);
  if (known?.state === 'completed' || known?.state === 'rejected')
    return known.payloadHash === payloadHash ? { is: 'duplicate', marker: known } : { is: 'mismatch' };
  // In the model an effect with a condition never holds.
  const refused = decision.effects.some((effect) => effect.kind === 'add' && effect.atLeast !== undefined);
  const done: Decision | undefined = refused ? decision.otherwise : decision;
  if (!done) return { is: 'failed', error: new Error('a condition failed') };
  for (let times = done.effects.length; times > 0; times -= 1) store.applied.set(id, (store.applied.get(id) ?? 0) + 1);
  const marker: Extract<Marker, { state: 'completed' | 'rejected' }> = {
    queue,
    id,
    payloadHash,
    at: AT,
    state: refused ? 'rejected' : 'completed',
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

/** A marker that says more already stays as it is. */
function note(markers: ModelStore['markers'], queue: string, { id, ...placement }: Placement): void {
  const known = markers.get(id);
  if (known?.state === 'completed' || known?.state === 'rejected') return;
  const isFurther = ({ redrives, attempt }: { redrives: number; attempt: number }) =>
    placement.redrives > redrives || (placement.redrives === redrives && placement.attempt > attempt);
  if (known && 'placed' in known && !isFurther(known.placed)) return;
  const { payloadHash, state, code, message, redrives, attempt } = placement;
  markers.set(id, { queue, id, payloadHash, at: AT, state, code, message, placed: { redrives, attempt } });
}
