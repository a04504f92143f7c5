import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { eventually } from '../../support/eventually.ts';
import { call, type Got } from '../../support/request.ts';
import { aTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

const CLIENTS = 8;
const PUBLISH_DEADLINE_MS = 2_000;
const REST_MS = 500;

let backend: Backend;
let broker: TcpProxy;
let store: TcpProxy;
let placeOrder: HttpHandler;
let getStock: HttpHandler;
let readyz: HttpHandler;

beforeAll(async () => {
  const real = { broker: new URL(process.env.AMQP_URL!), store: new URL(process.env.DYNAMODB_ENDPOINT!) };
  broker = await aTcpProxy(real.broker.hostname, Number(real.broker.port));
  store = await aTcpProxy(real.store.hostname, Number(real.store.port));
  backend = await aBackend({
    PUBLISH_DEADLINE_MS: String(PUBLISH_DEADLINE_MS),
    BREAKER_FAILURES: '3',
    BREAKER_REST_MS: String(REST_MS),
    DYNAMODB_ENDPOINT: `http://127.0.0.1:${store.port}`,
  });
  const amqpUrl = new URL(backend.host.amqpUrl);
  amqpUrl.port = String(broker.port);
  process.env.AMQP_URL = amqpUrl.href;
  await backend.declare();
  ({ handler: placeOrder } = await import('../../../functions/orders/place-order.ts'));
  ({ handler: getStock } = await import('../../../functions/orders/get-stock.ts'));
  ({ handler: readyz } = await import('../../../functions/operations/readyz.ts'));
});

afterAll(async () => {
  await backend.remove();
  await broker.close();
  await store.close();
});

interface Timed {
  readonly got: Got;
  readonly tookMs: number;
}

function load(send: () => Promise<Got>) {
  const answers: Timed[] = [];
  let isOver = false;
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!isOver) {
      const startedAtMs = performance.now();
      const got = await send();
      answers.push({ got, tookMs: performance.now() - startedAtMs });
      await sleep(2);
    }
  });
  return {
    answers,
    async end() {
      isOver = true;
      await Promise.all(clients);
    },
  };
}

const order = { customerId: 'c', currency: 'EUR', items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }] };
const place = () => callSigned(placeOrder, randomUUID(), { route: 'POST /orders', body: order });
const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const drained = async () =>
  new Set((await backend.host.drain('stock')).map((message) => message && message.properties.messageId));

test('while the circuit breaker for the broker is open, orders are refused within milliseconds, and orders are accepted again once the broker is back', async () => {
  const { answers, end } = load(place);
  await eventually('orders to be accepted', () => answers.some(({ got }) => got.status === 202));
  const cutAtMs = performance.now();
  broker.cut();
  const { got: first } = await eventually('the first refusal', () => answers.find(({ got }) => got.status !== 202));
  const refusedAfterMs = performance.now() - cutAtMs;
  expect(first).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) } });
  // From here on the circuit breaker is open and lets only single trial requests through.
  await eventually('the breaker to open', () => answers.slice(-CLIENTS * 4).every(({ tookMs }) => tookMs < 200));
  const from = answers.length;
  await sleep(REST_MS * 2);
  const refused = answers.slice(from);
  expect(refused.every(({ got }) => got.status === 503)).toBe(true);
  // A response that waited for the broker would take two seconds.
  expect(median(refused.map(({ tookMs }) => tookMs))).toBeLessThan(PUBLISH_DEADLINE_MS / 20);

  const backAtMs = performance.now();
  broker.restore();
  const sofar = answers.length;
  await eventually('orders to be accepted again', () => answers.slice(sofar).some(({ got }) => got.status === 202));
  const recoveredAfterMs = performance.now() - backAtMs;
  await end();
  expect(answers.every(({ got }) => [202, 503].includes(got.status!))).toBe(true);
  const accepted = answers.filter(({ got }) => got.status === 202).map(({ got }) => got.body.orderId as string);
  const published = await drained();
  expect(accepted.filter((id) => !published.has(id))).toEqual([]);
  process.stdout.write(
    `broker unavailable: first refusal after ${Math.round(refusedAfterMs)} ms, ${refused.length} refusals at ${median(
      refused.map(({ tookMs }) => tookMs),
    ).toFixed(1)} ms (median), accepted again ${Math.round(recoveredAfterMs)} ms after it was back\n`,
  );
}, 60_000);

test('while DynamoDB is down, orders are accepted, and requests that need DynamoDB are refused within milliseconds', async () => {
  const orders = load(place);
  const shelves = load(() => call(getStock, { route: 'GET /stock/{sku}', path: { sku: 'apple' } }));
  await eventually('both to be answered', () => orders.answers.length > CLIENTS && shelves.answers.length > CLIENTS);
  store.cut();
  await eventually('what needs the store to be refused', () => shelves.answers.some(({ got }) => got.status === 503));
  await sleep(REST_MS);
  const from = { orders: orders.answers.length, shelves: shelves.answers.length };
  await sleep(REST_MS * 2);
  const [whileUnavailable, refused] = [orders.answers.slice(from.orders), shelves.answers.slice(from.shelves)];
  expect(whileUnavailable.length).toBeGreaterThan(CLIENTS);
  expect(whileUnavailable.every(({ got }) => got.status === 202)).toBe(true);
  expect(refused.every(({ got }) => got.status === 503)).toBe(true);
  expect(median(refused.map(({ tookMs }) => tookMs))).toBeLessThan(PUBLISH_DEADLINE_MS / 20);

  const backAtMs = performance.now();
  store.restore();
  await eventually('what needs the store to be answered', () => shelves.answers.at(-1)?.got.status === 404);
  const recoveredAfterMs = performance.now() - backAtMs;
  await orders.end();
  await shelves.end();
  const accepted = orders.answers.filter(({ got }) => got.status === 202).map(({ got }) => got.body.orderId as string);
  const published = await drained();
  expect(accepted.filter((id) => !published.has(id))).toEqual([]);
  process.stdout.write(
    `store unavailable: ${whileUnavailable.length} orders accepted at ${median(whileUnavailable.map(({ tookMs }) => tookMs)).toFixed(1)} ms (median), ` +
      `reads refused at ${median(refused.map(({ tookMs }) => tookMs)).toFixed(1)} ms, answered again ${Math.round(recoveredAfterMs)} ms after it was back\n`,
  );
}, 60_000);

test('GET /readyz shows the state of each circuit breaker', async () => {
  const standing = async (status: number) =>
    eventually(`readiness to be ${status}`, async () => {
      const got = await call(readyz, { route: 'GET /readyz' });
      return got.status === status && (status === 200 || got.body.breakers.broker === 'open') && got.body;
    });
  expect((await standing(200)).breakers).toEqual({ broker: 'closed', store: 'closed' });
  broker.cut();
  expect(await standing(503)).toMatchObject({ away: ['broker'], breakers: { broker: 'open', store: 'closed' } });
  broker.restore();
  expect((await standing(200)).breakers).toEqual({ broker: 'closed', store: 'closed' });
}, 60_000);
