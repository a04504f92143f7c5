import type { BrokerState } from './broker-state.ts';
import type { BrokerPolicy } from './by-version.ts';
import type { Binding, Exchange, Queue, Topology } from './topology.ts';

/** One way in which the broker differs from the declared topology. */
export interface Difference {
  /** The object on the broker that differs from the topology, for example `queue "invoices"`. */
  readonly subject: string;
  /**
   * How the object on the broker differs from the topology, for example `is missing`. Error messages append this text
   * to `subject`.
   */
  readonly problem: string;
  /** Whether messages can be lost while the broker differs from the topology in this way. */
  readonly losesMessages: boolean;
  readonly fix: Fix;
}

/** Who removes a difference between the broker and the topology: `applyTopology` (`apply`), or an operator. */
export type Fix =
  | { readonly by: 'apply'; readonly change: BrokerChange }
  | { readonly by: 'operator'; readonly instruction: string }
  | { readonly by: 'nobody' };

export type BrokerChange =
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
       * `first` if the binding is removed before the declared bindings are created, `last` if it is removed afterwards.
       */
      readonly when: 'first' | 'last';
    };

export interface DiffInput {
  readonly declared: Topology;
  readonly actual: BrokerState;
  readonly previous?: Topology;
}

export const shown = (value: unknown): string =>
  typeof value === 'string' && value !== '' ? value : (JSON.stringify(value) ?? 'not set');
