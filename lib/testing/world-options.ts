import type { ConsumerDefinition } from '../consumer/consumer.ts';
import type { Message } from '../events/message.ts';
import type { Decision } from '../inbox/decision.ts';
import type { RuleContext } from '../message/rule.ts';
import type { History } from './history.ts';
import type { MemoryStore } from './memory-store.ts';
import type { Snapshot } from './world-state.ts';

/**
 * Chooses one of `ways` possible continuations of a simulation. Returns an integer from 0 to `ways` - 1, where 0 is the
 * usual continuation, for example a call that succeeds.
 */
export type Choose = (ways: number) => number;

export interface WorldOptions {
  readonly definition: ConsumerDefinition<any>;
  /** The messages in the queue, oldest first. A message that the list contains twice was published twice. */
  readonly messages: readonly Pick<Message, 'body' | 'properties'>[];
  /** The maximum number of faults in one simulation. A fault can happen at any call to the store or the broker. */
  readonly faults: number;
  /** The number of execution environments that consume the queue at the same time; the default is 1. */
  readonly environments?: number;
  /**
   * How many times a simulation may pause one execution environment and continue with another, although the first could
   * continue.
   */
  readonly switches?: number;
  /**
   * Whether the simulation includes the case that the event source returns a batch to the queue although an execution
   * environment is still processing this batch.
   */
  readonly hasZombies?: boolean;
  readonly hasWholeBatches?: boolean;
  /**
   * How many times the dead-letter exchange refuses a message in one simulation. After a refusal, the whole batch is
   * redelivered.
   */
  readonly refusals?: number;
  /**
   * How many follow-up events no queue receives in one simulation. The simulated broker returns the first ones that are
   * published.
   */
  readonly unroutable?: number;
  /**
   * How far the simulated clock advances at the start of each batch, in ms. By default, the clock advances far enough
   * for every lease to expire.
   */
  readonly stepMs?: number;
  /** Whether the simulation also lets the messages arrive in a different order from that in `messages`. */
  readonly isInAnyOrder?: boolean;
  readonly prepare?: (store: MemoryStore) => void;
  readonly afterStep?: (store: MemoryStore) => void;
  /**
   * Returns whether an earlier simulation has already reached the same state. If so, this simulation ends, because it
   * would continue in the same way.
   *
   * - `state` returns the state of the simulated store, broker and processes as text.
   * - `snapshot` returns a snapshot from which a later simulation can continue. It is `undefined` while an environment
   *   processes a batch, because the state of running code cannot be copied.
   */
  readonly isExplored?: (state: () => string, snapshot: (() => Snapshot) | undefined) => boolean;
  /** Continues from the snapshot of an earlier simulation, which had equal options, and not from the start. */
  readonly from?: Snapshot;
  readonly history?: History;
  readonly around?: (
    run: (context?: RuleContext) => Decision | Promise<Decision | void>,
    about: {
      readonly context: RuleContext;
      readonly isPerformed: boolean;
      readonly crash: () => Promise<never>;
      readonly choose: Choose;
    },
  ) => Decision | Promise<Decision | void>;
}

const defaults = {
  environments: 1,
  switches: 0,
  hasZombies: false,
  hasWholeBatches: false,
  refusals: 0,
  unroutable: 0,
  stepMs: 30_000,
  isInAnyOrder: false,
  prepare: () => {},
  afterStep: () => {},
  around: (run) => run(),
} satisfies Partial<WorldOptions>;

/** The options of a simulation, in which each option that has a default is set. */
export type CompleteOptions = WorldOptions & Required<Pick<WorldOptions, keyof typeof defaults>>;

export const withDefaults = (options: WorldOptions): CompleteOptions => ({ ...defaults, ...options });
