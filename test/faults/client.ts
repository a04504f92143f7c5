import { setTimeout as sleep } from 'node:timers/promises';

import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { DEVELOPMENT_CLIENT } from '../../lib/http/development.ts';
import { deriveId, type MessageId } from '../../lib/events/message-id.ts';
import type { Answer } from '../model/invariants.ts';
import type { Ledger, SentOrder } from './ledger.ts';
import { bodyOf, type PlannedOrder } from './orders.ts';

const ANSWER_WITHIN_MS = 15_000;
/** The first pause before a test client repeats a request, in ms. Later pauses are longer. */
const AGAIN_AFTER_MS = 200;
const AGAIN_AFTER_MOST_MS = 2_000;
/** How long a test client repeats the HTTP request for an order until the service accepts the order, in ms. */
const RETRY_WITHIN_MS = 120_000;

interface OrderReply {
  readonly answer: Answer;
  readonly status?: number;
}

/**
 * Places one order over HTTP and records the answer in the ledger. Several identical requests are sent concurrently if
 * `order.copies` is above 1.
 */
export async function place(
  url: string,
  order: PlannedOrder,
  { fault, ledger, signal }: { fault: string; ledger: Ledger; signal: AbortSignal },
): Promise<SentOrder> {
  const sent: SentOrder = { fault, order, id: orderIdOf(order), answer: 'indeterminate' };
  ledger.orders.push(sent);
  const answers = await Promise.all(Array.from({ length: order.copies }, () => placeOne(url, order, sent.id, signal)));
  sent.answer = strongest(answers);
  return sent;
}

/** Returns the order id that the service derives from the order's idempotency key. */
export const orderIdOf = ({ key }: PlannedOrder): MessageId => deriveId('order', DEVELOPMENT_CLIENT, key);

/**
 * Combines the answers to several requests for the same order: one accepted request means that the order is accepted.
 */
const strongest = (answers: readonly Answer[]): Answer =>
  answers.includes('accepted') ? 'accepted' : answers.includes('indeterminate') ? 'indeterminate' : 'refused';

async function placeOne(url: string, order: PlannedOrder, id: string, signal: AbortSignal): Promise<Answer> {
  const answers: Answer[] = [];
  const end = performance.now() + RETRY_WITHIN_MS;
  for (;;) {
    if (signal.aborted || performance.now() > end) return strongest([...answers, 'indeterminate']);
    const { answer } = await post(url, order, id);
    answers.push(answer);
    if (answer === 'accepted' || !order.isRetried) return strongest(answers);
    const pauseMs = Math.min(AGAIN_AFTER_MS * 1.5 ** (answers.length - 1), AGAIN_AFTER_MOST_MS);
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
  }
}

/** Sends one `POST /orders` request. Returns whether the order is accepted, refused, or possibly accepted. */
export async function post(url: string, order: PlannedOrder, id: string): Promise<OrderReply> {
  try {
    const body = JSON.stringify(bodyOf(order));
    const response = await fetch(`${url}/orders`, {
      method: 'POST',
      headers: signedHeaders(body, { key: order.key }),
      body,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const { status } = response;
    const said = (await response.json()) as { orderId?: string; indeterminate?: boolean };
    if (status === 202) {
      if (said.orderId !== id)
        throw new Error(
          `the idempotency key ${order.key} created the order ${said.orderId}, but the expected order id is ${id}`,
        );
      return { answer: 'accepted', status };
    }
    // 409 (another request with this key is in progress) and 429 both ask the client to retry.
    if (status === 409) return { answer: 'indeterminate', status };
    if (status === 429) return { answer: 'refused', status };
    if (status >= 400 && status < 500)
      throw new Error(`POST /orders answered ${status} to a valid order: ${JSON.stringify(said)}`);
    return { answer: said.indeterminate === false ? 'refused' : 'indeterminate', status };
  } catch (error) {
    // fetch throws these errors for a failed connection, a timeout or an incomplete response.
    if (error instanceof TypeError || error instanceof SyntaxError || (error as Error).name === 'TimeoutError')
      return { answer: 'indeterminate' };
    throw error;
  }
}
