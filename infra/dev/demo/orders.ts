import { setTimeout as sleep } from 'node:timers/promises';

import { signedHeaders } from '../runtime/sign.ts';

/** An order of the demo, and what must come of it. */
export interface DemoOrder {
  readonly key: string;
  readonly customerId: string;
  readonly sku: string;
  readonly quantity: number;
  /** In minor units. */
  readonly unitPrice: number;
  readonly soldOut: boolean;
  readonly sentTwice: boolean;
  /** Its award fails three times before it succeeds. */
  readonly awardFails: boolean;
}

export interface Plan {
  readonly orders: number;
  readonly sentTwice: number;
  readonly soldOut: number;
  readonly awardFails: number;
  readonly malformed: number;
}

export const SOLD_OUT_SKU = 'sold-out';
const SKUS = 25;
export const INITIAL_STOCK = 100_000;
export const skus = Array.from({ length: SKUS }, (_, index) => `sku-${index + 1}`);

/** `count` of the numbers below `total`, evenly spread. */
const spread = (total: number, count: number, offset: number) =>
  new Set(Array.from({ length: count }, (_, index) => index * Math.floor(total / count) + offset));

/** How long one request to the service may take, in ms. */
const ANSWER_WITHIN_MS = 30_000;

/** Each order has a customer of its own, so that its points tell whether it was applied, and how often. */
export function planOrders(plan: Plan): DemoOrder[] {
  const soldOut = spread(plan.orders, plan.soldOut, 3);
  const sentTwice = spread(plan.orders, plan.sentTwice, 5);
  const awardFails = spread(plan.orders, plan.awardFails, 7);
  return Array.from({ length: plan.orders }, (_, index) => ({
    key: `demo-${index}`,
    customerId: `customer-${index}`,
    sku: soldOut.has(index) ? SOLD_OUT_SKU : skus[index % SKUS]!,
    quantity: 1 + (index % 3),
    unitPrice: 250 + (index % 7) * 100,
    soldOut: soldOut.has(index),
    sentTwice: sentTwice.has(index),
    awardFails: awardFails.has(index),
  }));
}

/** One point per whole euro. */
export const expectedPoints = ({ soldOut, quantity, unitPrice }: DemoOrder): number =>
  soldOut ? 0 : Math.floor((quantity * unitPrice) / 100);

export interface Placed {
  readonly orderId: string;
  /** Answers that were no 202 before the one that was. */
  readonly refusals: number;
}

/** Places an order as a good client does: the same key again until it is accepted. */
export async function place(
  url: string,
  { key, customerId, sku, quantity, unitPrice }: DemoOrder,
  signal: AbortSignal,
): Promise<Placed> {
  for (let refusals = 0; ; refusals += 1) {
    signal.throwIfAborted();
    try {
      const body = JSON.stringify({ customerId, currency: 'EUR', items: [{ sku, quantity, unitPrice }] });
      const response = await fetch(`${url}/orders`, {
        method: 'POST',
        headers: signedHeaders(body, { key }),
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
      });
      const text = await response.text();
      if (response.status === 202) return { orderId: (JSON.parse(text) as { orderId: string }).orderId, refusals };
      // 409 and 429 say that it is under way already, or too early.
      if (response.status < 500 && ![409, 429].includes(response.status))
        throw new Error(`POST /orders answered ${response.status}: ${text}`);
    } catch (error) {
      // A TypeError is fetch's word for a connection that failed, a TimeoutError for an answer that did not come.
      if (!(error instanceof TypeError) && (error as Error).name !== 'TimeoutError') throw error;
    }
    await sleep(250, undefined, { signal });
  }
}

/** An order as `GET /orders/{id}` answers. */
export interface OrderStatus {
  orderId: string;
  status: string;
  consumers: Record<string, { outcome: string; attempt?: number }>;
}

/** Sends JSON and reads JSON; anything but a 2xx is an error. */
export async function request<T>(
  url: string,
  { method = 'GET', body, token }: { method?: string; body?: unknown; token?: string } = {},
): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}
