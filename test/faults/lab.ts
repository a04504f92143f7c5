import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Say } from '../../infra/dev/runtime/command-line.ts';
import type { ForeignPublisher } from './foreign-publisher.ts';
import type { Ledger } from './ledger.ts';
import type { Mix, PlannedOrder } from './orders.ts';
import type { Random } from './random.ts';
import type { System } from './system.ts';

/** What a fault works with. */
export interface Lab {
  /** Of the fault. */
  readonly name: string;
  readonly system: System;
  /** A client of the store that bypasses the injected faults. */
  readonly store: DynamoDBClient;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly foreign: ForeignPublisher;
  readonly signal: AbortSignal;
  readonly say: Say;
  /** Plans additional orders and adds their stock; the fault itself places them. */
  plan(count: number, mix?: Mix): Promise<PlannedOrder[]>;
  /** Places orders over HTTP; resolves when every order has an answer. */
  place(orders: readonly PlannedOrder[]): Promise<void>;
  /** Places an order and measures how long it takes until the order is fulfilled. */
  recover(): Promise<void>;
  /** Waits until every message accepted during this fault has a final state and all queues are empty. */
  quiet(): Promise<void>;
  /** Reports a violation that only this fault can detect. */
  violated(what: string): void;
}

/** A fault that can be injected into the running system. */
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
  /** The duration of the load during the fault, in ms. */
  readonly spanMs: number;
  /** The kinds of orders during this fault, if they differ from the usual ones. */
  readonly mix?: Mix;
  /** The fault's share of the messages relative to other faults; 1 by default. */
  readonly weight?: number;
  /** The number of environments for each unordered queue; 1 by default. */
  readonly environments?: number;
  /** The time limit for an order after the end of the fault, in ms. */
  readonly recoverWithinMs?: number;
  /** Whether other faults may be active at the same time. */
  readonly isMixable?: boolean;
  /** The reason why the fault cannot run on this machine, if there is one. */
  cannot?(system: System): string | undefined;
  /** Injects the fault; resolves when the fault is over. */
  inject(lab: Lab): Promise<void>;
}

/** Waits for a duration that belongs to the fault. */
export const DEFAULT_RECOVERY_MS = 30_000;
