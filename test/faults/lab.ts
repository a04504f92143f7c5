import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Say } from '../../infra/dev/runtime/command-line.ts';
import type { ForeignPublisher } from './foreign-publisher.ts';
import type { Ledger } from './ledger.ts';
import type { Mix, PlannedOrder } from './orders.ts';
import type { Random } from './random.ts';
import type { System } from './system.ts';

/** The parts of the test system that the code of a fault can use. */
export interface Lab {
  /** Of the fault. */
  readonly name: string;
  readonly system: System;
  /** A DynamoDB client that is not affected by the injected faults. */
  readonly store: DynamoDBClient;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly foreign: ForeignPublisher;
  readonly signal: AbortSignal;
  readonly say: Say;
  /** Plans additional orders and adds stock for them. The fault itself must place the planned orders. */
  plan(count: number, mix?: Mix): Promise<PlannedOrder[]>;
  /** Places orders over HTTP. Resolves when every order has an answer. */
  place(orders: readonly PlannedOrder[]): Promise<void>;
  /** Places one order and measures the time until both consumers have completed it. */
  recover(): Promise<void>;
  /**
   * Waits until every message that was accepted during this fault has reached a final state and all queues are empty.
   */
  quiet(): Promise<void>;
  /** Reports a violation that the code of this fault has detected itself. */
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
  /** How long the test clients take to send all orders of the fault, in ms. */
  readonly spanMs: number;
  /** The mix of order kinds during this fault, if it differs from the usual mix. */
  readonly mix?: Mix;
  /** The weight with which this fault receives its share of all messages; the default is 1. */
  readonly weight?: number;
  /** The number of execution environments that consume each unordered queue; the default is 1. */
  readonly environments?: number;
  /** The time limit within which an order must be completed after the fault has ended, in ms. */
  readonly recoverWithinMs?: number;
  /** Whether another fault may be active at the same time as this fault. */
  readonly isMixable?: boolean;
  /** Returns the reason why the fault cannot run on this machine, or `undefined` if it can. */
  cannot?(system: System): string | undefined;
  /** Injects the fault. Resolves when the fault is over. */
  inject(lab: Lab): Promise<void>;
}

/** The time limit in ms within which an order must be completed after a fault, unless the fault sets its own. */
export const DEFAULT_RECOVERY_MS = 30_000;
