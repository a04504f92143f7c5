import type { Answer } from '../model/invariants.ts';
import type { PlannedOrder } from './orders.ts';

/** An order that was sent, with the answer that its client received. */
export interface SentOrder {
  readonly fault: string;
  readonly order: PlannedOrder;
  /** The message's id too. */
  readonly id: string;
  answer: Answer;
}

/** A message that was published directly to the broker and not through the service's HTTP API. */
export interface SentMessage {
  readonly fault: string;
  /** The message id; absent if the publisher did not set one. */
  readonly id?: string;
  /** SHA-256 of the body, hex. */
  readonly payloadHash: string;
  /** The names of the consumers that receive the message. */
  readonly consumers: readonly string[];
  readonly isPoison: boolean;
  answer: Answer;
}

/** All sent orders and messages, with the answers that their senders received. */
export interface Ledger {
  readonly orders: SentOrder[];
  readonly messages: SentMessage[];
}

export const emptyLedger = (): Ledger => ({ orders: [], messages: [] });
