import type { Memory } from '../consumer/batch.ts';
import type { QueuedCopy } from './event.ts';
import { createMemoryBroker, type MemoryBroker } from './memory-broker.ts';
import { emptyStore, type MemoryStore } from './memory-store.ts';
import type { CompleteOptions } from './world-options.ts';

/** The state of a simulation, apart from its execution environments. */
export interface WorldState {
  readonly store: MemoryStore;
  readonly broker: MemoryBroker;
  /** The messages in the queue, oldest first. */
  readonly queue: QueuedCopy[];
  /** How many times the consumer has published each failed message to each exchange. */
  readonly placed: Map<string, number>;
  /** How many more faults, switches between environments, refusals and unroutable events the simulation may contain. */
  readonly left: Record<'faults' | 'switches' | 'refusals' | 'unroutable', number>;
  /** The number of batches that have been delivered. */
  batches: number;
  /** Whether the next batch contains all messages of the queue. */
  isWhole: boolean;
}

/** A copy of the state of a simulation at a moment at which no environment processes a batch. */
export interface Snapshot {
  readonly state: WorldState;
  readonly memories: readonly Memory[];
}

export const newState = ({ definition, faults, switches, refusals, unroutable }: CompleteOptions): WorldState => ({
  store: emptyStore(),
  broker: createMemoryBroker(definition.queue),
  queue: [],
  placed: new Map(),
  left: { faults, switches, refusals, unroutable },
  batches: 0,
  isWhole: false,
});

/** Replaces the state `to` with a copy of the state `from`. The copy shares the objects that never change. */
export function copyState(from: WorldState, to: WorldState): void {
  copyEntries(from.store.items, to.store.items);
  copyEntries(from.store.markers, to.store.markers);
  copyEntries(from.store.attempts, to.store.attempts);
  copyEntries(from.store.blockedKeys, to.store.blockedKeys);
  to.store.commits.splice(0, Infinity, ...from.store.commits);
  to.store.openBatch = from.store.openBatch;
  // Each copy of a message counts its deliveries.
  to.broker.delayed.splice(0, Infinity, ...from.broker.delayed.map((copy) => ({ ...copy })));
  to.queue.splice(0, Infinity, ...from.queue.map((copy) => ({ ...copy })));
  to.broker.deadLetters.splice(0, Infinity, ...from.broker.deadLetters);
  to.broker.events.splice(0, Infinity, ...from.broker.events);
  copyEntries(from.placed, to.placed);
  Object.assign(to.left, from.left);
  to.batches = from.batches;
  to.isWhole = from.isWhole;
}

function copyEntries<K, V>(from: ReadonlyMap<K, V>, to: Map<K, V>): void {
  to.clear();
  for (const [key, value] of from) to.set(key, value);
}
