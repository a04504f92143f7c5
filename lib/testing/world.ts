import { setImmediate } from 'node:timers/promises';

import type { Simulation } from './environment.ts';
import type { QueuedCopy } from './event.ts';
import type { MemoryBroker } from './memory-broker.ts';
import type { MemoryStore } from './memory-store.ts';
import { START_MS } from './gated-dependencies.ts';
import { Scheduler } from './scheduler.ts';
import { publish } from './world-broker.ts';
import { withDefaults, type Choose, type CompleteOptions, type WorldOptions } from './world-options.ts';
import { copyState, newState } from './world-state.ts';

/** The contents of the simulated store and broker at the end of a simulation. */
export interface World {
  readonly store: MemoryStore;
  readonly broker: MemoryBroker;
  /**
   * The retry copies and dead letters that the consumer published more than once to the same exchange. Each entry
   * violates an invariant. In simulations with faults or with switches between execution environments, publishing twice
   * is allowed and not counted, so the list is always empty.
   */
  readonly repeated: readonly string[];
}

const MOST_BATCHES = 60;
const MOST_BATCHES_PER_MESSAGE = 10;

/**
 * Runs the real consumer with a simulated broker and store. `choose` makes all choices of the simulation, for example
 * which messages form a batch and when a process crashes.
 */
export async function runWorld(given: WorldOptions, choose: Choose): Promise<World> {
  const options = withDefaults(given);
  const { environments, from, hasZombies, isExplored, messages, prepare, stepMs } = options;
  const state = newState(options);
  prepare(state.store);
  if (from) copyState(from.state, state);
  else state.queue.push(...arrivals(options, choose));
  const { store, broker, queue, placed } = state;
  const simulation: Simulation = {
    ...options,
    state,
    clock: { now: () => START_MS + state.batches * stepMs },
    choose,
    publish: (message) => publish(simulation, message),
    isAlone: environments === 1 && !hasZombies,
    calls: [],
  };
  const scheduler = new Scheduler(simulation, from);
  for (;;) {
    await setImmediate();
    scheduler.settle();
    if (scheduler.isBusy) continue;
    const snapshot = scheduler.isResting ? () => scheduler.snapshot() : undefined;
    if (isExplored?.(() => scheduler.text(), snapshot)) break;
    const actions = scheduler.actions();
    if (actions.length === 0) break;
    if (state.batches > MOST_BATCHES + messages.length * MOST_BATCHES_PER_MESSAGE)
      throw new Error(
        `the simulated run does not end: ${queue.length} messages are still in the queue, and ${broker.delayed.length} in the delay queues`,
      );
    actions[actions.length > 1 ? choose(actions.length) : 0]!();
  }
  scheduler.kill();
  // The code of the ended processes must not log anything after the run.
  await setImmediate();
  return {
    store,
    broker,
    repeated: [...placed].filter(([, copies]) => copies > 1).map(([copy]) => copy),
  };
}

/** Returns the copies of the messages in the order in which they arrive in the queue. */
function arrivals({ messages, isInAnyOrder }: CompleteOptions, choose: Choose): QueuedCopy[] {
  const waiting = messages.map((message) => ({ message, deliveries: 0 }));
  return messages.flatMap(() => waiting.splice(isInAnyOrder && waiting.length > 1 ? choose(waiting.length) : 0, 1));
}
