import type { Answer } from './invariants.ts';
import type { PlannedOrder } from './orders.ts';

/** An order and the answer to its client. */
export interface SentOrder {
  readonly fault: string;
  readonly order: PlannedOrder;
  /** The message's id too. */
  readonly id: string;
  answer: Answer;
}

/** A message that was published directly to the broker, without the HTTP function. */
export interface SentMessage {
  readonly fault: string;
  /** The message id; absent if the publisher set none. */
  readonly id?: string;
  /** SHA-256 of the body, hex. */
  readonly payloadHash: string;
  /** The consumers whose queues received the message. */
  readonly consumers: readonly string[];
  readonly isPoison: boolean;
  answer: Answer;
}

/** A record of all sent messages, with the answers to their senders. */
export interface Ledger {
  readonly orders: SentOrder[];
  readonly messages: SentMessage[];
}

export const emptyLedger = (): Ledger => ({ orders: [], messages: [] });
