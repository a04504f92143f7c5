import type { Answer } from '../model/invariants.ts';
import type { PlannedOrder } from './orders.ts';

export interface SentOrder {
  readonly fault: string;
  readonly order: PlannedOrder;
  readonly id: string;
  answer: Answer;
}

export interface SentMessage {
  readonly fault: string;
  readonly id?: string;
  readonly payloadHash: string;
  readonly consumers: readonly string[];
  readonly isPoison: boolean;
  answer: Answer;
}

/** All orders and messages of a run of the fault tests, with the answers that their senders received. */
export interface Ledger {
  readonly orders: SentOrder[];
  readonly messages: SentMessage[];
}

export const emptyLedger = (): Ledger => ({ orders: [], messages: [] });
