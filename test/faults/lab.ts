import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Say } from '../../infra/dev/runtime/console.ts';
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
  /** Straight to the store, past all faults. */
  readonly store: DynamoDBClient;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly foreign: ForeignPublisher;
  readonly signal: AbortSignal;
  readonly say: Say;
  /** Plans and stocks further orders, and leaves placing them to the fault. */
  plan(count: number, mix?: Mix): Promise<PlannedOrder[]>;
  /** Places orders as HTTP clients do; settles once each has its answer. */
  place(orders: readonly PlannedOrder[]): Promise<void>;
  /** Measures from now how long it takes until an order placed now is done. */
  recover(): Promise<void>;
  /** Waits until everything that was accepted under this fault has ended and no queue holds a message. */
  quiet(): Promise<void>;
  /** Something that this fault alone can see, and that must not be. */
  violated(what: string): void;
}

/** Something that can go wrong. */
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
  /** Over how many ms the load is spread while it goes wrong. */
  readonly spanMs: number;
  /** Instead of the usual kinds of orders. */
  readonly mix?: Mix;
  /** How much of the messages this one gets; 1 by default. */
  readonly weight?: number;
  /** Environments that work on each queue without an order at once; 1 by default. */
  readonly environments?: number;
  /** Once it is over, an order must be done within this time. */
  readonly recoverWithinMs?: number;
  /** Whether others may go wrong at the same time. */
  readonly isMixable?: boolean;
  /** Why it cannot be had here, if so. */
  cannot?(system: System): string | undefined;
  /** Makes it go wrong, and settles once it is over. */
  inject(lab: Lab): Promise<void>;
}

/** How long it lasts is part of a fault. */
export const DEFAULT_RECOVERY_MS = 30_000;
