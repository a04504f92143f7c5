import type { Answer } from './invariants.ts';
import type { PlannedOrder } from './orders.ts';

/** An order and what its client was told. */
export interface SentOrder {
  readonly fault: string;
  readonly order: PlannedOrder;
  /** The message's id too. */
  readonly id: string;
  answer: Answer;
}

/** A message that was published past the HTTP function, by somebody else. */
export interface SentMessage {
  readonly fault: string;
  /** Absent where its publisher gave it none. */
  readonly id?: string;
  /** SHA-256 of the body, hex. */
  readonly payloadHash: string;
  /** Consumers whose queues it went to. */
  readonly consumers: readonly string[];
  readonly isPoison: boolean;
  answer: Answer;
}

/** Everything that was sent, by whom it may be asked for later. */
export interface Ledger {
  readonly orders: SentOrder[];
  readonly messages: SentMessage[];
}

export const emptyLedger = (): Ledger => ({ orders: [], messages: [] });
