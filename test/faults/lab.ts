import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Say } from '../../infra/dev/runtime/command-line.ts';
import type { ForeignPublisher } from './foreign-publisher.ts';
import type { Ledger } from './ledger.ts';
import type { Mix, PlannedOrder } from './orders.ts';
import type { Random } from './random.ts';
import type { System } from './system.ts';

/** Everything that the code of a fault can use, such as the test system and a publisher. */
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
  /** Plans additional orders and adds stock for them. The code of the fault must place the planned orders itself. */
  plan(count: number, mix?: Mix): Promise<PlannedOrder[]>;
  /** Places orders over HTTP. Resolves when every order has an answer. */
  place(orders: readonly PlannedOrder[]): Promise<void>;
  /** Places one order and measures how long both consumers take to complete the order. */
  recover(): Promise<void>;
  /** Waits until all queues are empty and every message that was accepted during this fault has a final state. */
  quiet(): Promise<void>;
  /** Reports a violation of an expectation that the code of this fault checks itself. */
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
  /** The percentage of each kind of order during this fault, if the percentages differ from `usualMix`. */
  readonly mix?: Mix;
  /** The weight of this fault when all messages of a run are divided between the faults; the default is 1. */
  readonly weight?: number;
  /** The number of Lambda execution environments that consume each unordered queue; the default is 1. */
  readonly environments?: number;
  /** How long an order that is placed after the fault may take until it is completed, in ms. */
  readonly recoverWithinMs?: number;
  /** Whether another fault may be active at the same time as this fault. */
  readonly isMixable?: boolean;
  /** Returns the reason why this machine cannot run the fault, or `undefined` if the machine can run it. */
  cannot?(system: System): string | undefined;
  /** Injects the fault. Resolves when the fault is over. */
  inject(lab: Lab): Promise<void>;
}

/**
 * How long an order that is placed after a fault may take until it is completed, in ms, if the fault sets no
 * `recoverWithinMs`.
 */
export const DEFAULT_RECOVERY_MS = 30_000;
