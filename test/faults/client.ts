import { setTimeout as sleep } from 'node:timers/promises';

import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { DEVELOPMENT_CLIENT } from '../../lib/http/development.ts';
import { deriveId, type MessageId } from '../../lib/events/message-id.ts';
import type { Answer } from './invariants.ts';
import type { Ledger, SentOrder } from './ledger.ts';
import { bodyOf, type PlannedOrder } from './orders.ts';

/** For how long a client waits for one answer. */
const ANSWER_WITHIN_MS = 15_000;
/** How soon it asks again: sooner at first, then less and less often. */
const AGAIN_AFTER_MS = 200;
const AGAIN_AFTER_MOST_MS = 2_000;
/** A patient client too goes home at last. */
const PATIENCE_MS = 120_000;

/** What one request was told. `status` is absent where nothing came. */
interface Told {
  readonly answer: Answer;
  readonly status?: number;
}

/** Places orders as clients do, and notes what they are told. */
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

/** The id that the service gives to an order with this key. */
export const orderIdOf = ({ key }: PlannedOrder): MessageId => deriveId('order', DEVELOPMENT_CLIENT, key);

/** Once any of several requests was accepted, the order is; once any is open, it is that. */
const strongest = (answers: readonly Answer[]): Answer =>
  answers.includes('accepted') ? 'accepted' : answers.includes('indeterminate') ? 'indeterminate' : 'refused';

async function placeOne(url: string, order: PlannedOrder, id: string, signal: AbortSignal): Promise<Answer> {
  const answers: Answer[] = [];
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    if (signal.aborted || performance.now() > end) return strongest([...answers, 'indeterminate']);
    const { answer } = await post(url, order, id);
    answers.push(answer);
    if (answer === 'accepted' || !order.isPatient) return strongest(answers);
    const pauseMs = Math.min(AGAIN_AFTER_MS * 1.5 ** (answers.length - 1), AGAIN_AFTER_MOST_MS);
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
  }
}

/** One `POST /orders`. What a client may conclude from the answer is all that counts. */
export async function post(url: string, order: PlannedOrder, id: string): Promise<Told> {
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
      if (said.orderId !== id) throw new Error(`the key ${order.key} made the order ${said.orderId}, not ${id}`);
      return { answer: 'accepted', status };
    }
    // Another request under the same key is under way, or too many are: both say to come again.
    if (status === 409) return { answer: 'indeterminate', status };
    if (status === 429) return { answer: 'refused', status };
    if (status >= 400 && status < 500)
      throw new Error(`POST /orders answered ${status} to a sound order: ${JSON.stringify(said)}`);
    return { answer: said.indeterminate === false ? 'refused' : 'indeterminate', status };
  } catch (error) {
    // fetch says so of a connection that failed or a time that ran out; half an answer is none.
    if (error instanceof TypeError || error instanceof SyntaxError || (error as Error).name === 'TimeoutError')
      return { answer: 'indeterminate' };
    throw error;
  }
}
