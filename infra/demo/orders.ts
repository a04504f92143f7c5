import { setTimeout as sleep } from 'node:timers/promises';

import { signedHeaders } from '../dev/runtime/sign.ts';

/** An order that the demo places, and its expected outcome. */
export interface DemoOrder {
  readonly key: string;
  readonly customerId: string;
  readonly sku: string;
  readonly quantity: number;
  /** The price of a single item, in minor units of the currency. */
  readonly unitPrice: number;
  readonly soldOut: boolean;
  readonly sentTwice: boolean;
  /**
   * If true, the demo stores a corrupt DynamoDB item for the customer, so that three attempts to award the points of
   * this order fail.
   */
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

const spread = (total: number, count: number, offset: number) =>
  new Set(Array.from({ length: count }, (_, index) => index * Math.floor(total / count) + offset));

/** The timeout of one request to the service, in ms. */
const ANSWER_WITHIN_MS = 30_000;

/**
 * Plans the orders of the demo. Each order has its own customer, so that the customer's points show how often the
 * effects of the order were applied.
 */
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

/** Returns the points that an order should earn: one point per whole euro, or none if the SKU is sold out. */
export const expectedPoints = ({ soldOut, quantity, unitPrice }: DemoOrder): number =>
  soldOut ? 0 : Math.floor((quantity * unitPrice) / 100);

export interface Placed {
  readonly orderId: string;
  readonly refusals: number;
}

/** Sends an order, always with the same idempotency key, until the service accepts it. */
export async function place(
  url: string,
  { key, customerId, sku, quantity, unitPrice }: DemoOrder,
  signal: AbortSignal,
): Promise<Placed> {
  for (let refusals = 0; ; refusals += 1) {
    signal.throwIfAborted();
    const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS);
    try {
      const body = JSON.stringify({ customerId, currency: 'EUR', items: [{ sku, quantity, unitPrice }] });
      const response = await fetch(`${url}/orders`, {
        method: 'POST',
        headers: signedHeaders(body, { key }),
        body,
        signal: AbortSignal.any([signal, timeout]),
      });
      const text = await response.text();
      if (response.status === 202) return { orderId: (JSON.parse(text) as { orderId: string }).orderId, refusals };
      // The status 409 means that a request with the same key is being processed, and 429 that the client sends too fast. Both
      // are worth a retry.
      if (response.status < 500 && ![409, 429].includes(response.status))
        throw new Error(`POST /orders answered ${response.status}: ${text}`);
    } catch (error) {
      // fetch throws a TypeError if the connection fails. This use of `timeout` also keeps it from being collected as garbage
      // too early, which Node.js 20 does with a timeout that only AbortSignal.any refers to.
      if (!(error instanceof TypeError) && !timeout.aborted) throw error;
    }
    await sleep(250, undefined, { signal });
  }
}

/** The parts of the response of `GET /orders/{id}` that the demo reads. */
export interface OrderStatus {
  orderId: string;
  status: string;
  consumers: Record<string, { outcome: string; attempt?: number }>;
}

/** Sends a JSON request and returns the JSON response. Throws an error if the status is not 2xx. */
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
