import type { BrokerState } from './broker-state.ts';
import type { BrokerPolicy } from './by-version.ts';
import type { Binding, Exchange, Queue, Topology } from './topology.ts';

/** One way in which the broker differs from the declared topology. */
export interface Difference {
  /** For example `queue "stock"`. */
  readonly subject: string;
  /** Completes the subject to a sentence: `is missing`. */
  readonly problem: string;
  /** Whether messages can be lost as long as the difference exists. */
  readonly losesMessages: boolean;
  readonly fix: Fix;
}

/** What removes a difference: applying the topology, or an operator. Some differences are only reported. */
export type Fix =
  | { readonly by: 'apply'; readonly change: Change }
  | { readonly by: 'operator'; readonly instruction: string }
  | { readonly by: 'nobody' };

/** One change that applying the topology makes to the broker. */
export type Change =
  | { readonly do: 'create-exchange'; readonly exchange: Exchange }
  | { readonly do: 'create-queue'; readonly queue: Queue }
  | { readonly do: 'set-policy'; readonly policy: BrokerPolicy; readonly was?: BrokerPolicy }
  | { readonly do: 'remove-policy'; readonly name: string }
  | { readonly do: 'bind'; readonly binding: Binding }
  | {
      readonly do: 'unbind';
      readonly binding: Binding;
      readonly propertiesKey: string;
      /**
       * A retired work queue is unbound first, since nothing reads it any more. Other bindings are removed last, when their
       * replacements route the messages.
       */
      readonly when: 'first' | 'last';
    };

export interface DiffInput {
  readonly declared: Topology;
  readonly actual: BrokerState;
  /** The topology that was applied before, if the caller knows it. The broker's policies record its queues as well. */
  readonly previous?: Topology;
}

/** A setting as text; a missing one as "not set". */
export const shown = (value: unknown): string =>
  typeof value === 'string' && value !== '' ? value : (JSON.stringify(value) ?? 'not set');
