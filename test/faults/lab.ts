import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Say } from '../../infra/dev/runtime/command-line.ts';
import type { ForeignPublisher } from './foreign-publisher.ts';
import type { Ledger } from './ledger.ts';
import type { Mix, PlannedOrder } from './orders.ts';
import type { Random } from './random.ts';
import type { System } from './system.ts';

/** The argument of the function that injects a fault. Contains, for example, the test system and a publisher. */
export interface Lab {
  readonly name: string;
  readonly system: System;
  readonly store: DynamoDBClient;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly foreign: ForeignPublisher;
  readonly signal: AbortSignal;
  readonly say: Say;
  /** Generates additional orders, which `place` can send to the service, and adds the stock that they need. */
  plan(count: number, mix?: Mix): Promise<PlannedOrder[]>;
  place(orders: readonly PlannedOrder[]): Promise<void>;
  recover(): Promise<void>;
  /** Waits until all queues are empty and every message that was accepted during this fault has a final state. */
  quiet(): Promise<void>;
  /** Reports that the system did not behave as expected during this fault. `what` describes the deviation. */
  violated(what: string): void;
}

/** A fault that can be injected into the running test system. */
export interface Fault {
  readonly name: string;
  readonly where:
    | 'network'
    | 'broker'
    | 'cluster'
    | 'function'
    | 'store'
    | 'messages'
    | 'environments'
    | 'order'
    | 'operators'
    | 'mixed';
  readonly says: string;
  /** How long the test clients send orders while this fault is tested, in ms. */
  readonly spanMs: number;
  /** The percentage of each kind of order during this fault, if the percentages differ from `usualMix`. */
  readonly mix?: Mix;
  /**
   * The relative number of orders that are sent to test this fault. With the weight 2, twice as many orders are sent as
   * with the default weight, 1.
   */
  readonly weight?: number;
  /** The number of Lambda execution environments that consume each unordered queue; the default is 1. */
  readonly environments?: number;
  /** How long an order that is placed after the fault may take until it is completed, in ms. */
  readonly recoverWithinMs?: number;
  /** Whether another fault may be active at the same time as this fault. */
  readonly isMixable?: boolean;
  /** Returns the reason why this machine cannot run the fault, or `undefined` if the machine can run it. */
  cannot?(system: System): string | undefined;
  inject(lab: Lab): Promise<void>;
}

/**
 * How long an order that is placed after a fault may take until it is completed, in ms, unless the fault sets its own
 * limit.
 */
export const DEFAULT_RECOVERY_MS = 30_000;
