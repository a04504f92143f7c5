import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callAsOperator, callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { call } from '../../support/request.ts';

/**
 * If true, the server that replaces DynamoDB accepts connections and never answers. If false, it closes each connection
 * immediately.
 */
let silent: boolean;
let server: Server;
let backend: Backend;
let placeOrder: HttpHandler;
let written: string[];

beforeAll(async () => {
  server = createServer((request) => {
    if (!silent) request.socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  backend = await aBackend({
    DYNAMODB_ENDPOINT: `http://127.0.0.1:${port}`,
    LOG_LEVEL: 'INFO',
    // With this limit, no circuit breaker opens in these tests.
    BREAKER_FAILURES: '1000',
    POWERTOOLS_DEV: 'true',
    POWERTOOLS_METRICS_DISABLED: 'false',
  });
  await backend.declare();
  const note = (line: unknown) => void written.push(String(line));
  for (const level of ['log', 'info', 'warn'] as const) jest.spyOn(console, level).mockImplementation(note);
  written = [];
  ({ handler: placeOrder } = await import('../../../functions/orders/place-order.ts'));
});

afterAll(async () => {
  await backend.remove();
  server.closeAllConnections();
  server.close();
});

const order = { customerId: 'c-1', currency: 'EUR', items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }] };

const place = (key: string) => callSigned(placeOrder, key, { route: 'POST /orders', body: order });

test.each([
  ['closes connections', false],
  ['does not answer', true],
])(
  'if DynamoDB %s, an order is accepted without an idempotency record, and the metric IntakeRecordUnavailable counts the order',
  async (_, isSilent) => {
    silent = isSilent;
    written = [];
    await backend.host.drain('stock');
    const key = randomUUID();
    const got = await place(key);
    expect(got).toMatchObject({ status: 202, body: { status: 'accepted' } });
    const messages = await backend.host.drain('stock');
    expect(messages.map((message) => message && message.properties.messageId)).toEqual([got.body.orderId]);
    expect(
      written.filter((line) => line.includes('idempotency record unavailable; the request continues without it')),
    ).toHaveLength(1);
    expect(written.filter((line) => line.includes('"IntakeRecordUnavailable":1'))).toHaveLength(1);
    expect((await place(key)).body).toEqual(got.body);
  },
);

test('while DynamoDB does not answer, an order is accepted with 202 sooner than a request that needs DynamoDB fails with 503', async () => {
  silent = true;
  const { handler: getStock } = await import('../../../functions/orders/get-stock.ts');
  const slow = call(getStock, { route: 'GET /stock/{sku}', path: { sku: 'apple' } });
  const first = await Promise.race([slow, place(randomUUID())]);
  expect(first.status).toBe(202);
  silent = false;
  server.closeAllConnections();
  expect((await slow).status).toBe(503);
});

test('requests that need DynamoDB get 503 with a Retry-After header while DynamoDB is unavailable', async () => {
  silent = false;
  const { handler: getOrder } = await import('../../../functions/orders/get-order.ts');
  const { handler: getStock } = await import('../../../functions/orders/get-stock.ts');
  for (const got of [
    await call(getOrder, { route: 'GET /orders/{id}', path: { id: randomUUID() } }),
    await call(getStock, { route: 'GET /stock/{sku}', path: { sku: 'apple' } }),
  ])
    expect(got).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.any(String) },
      body: { type: 'urn:surehop:problem:store-unavailable' },
    });
});

test('while DynamoDB is unavailable, GET /readyz responds with 503 and names the store as unavailable', async () => {
  for (silent of [false, true]) {
    const { handler: readyz } = await import('../../../functions/operations/readyz.ts');
    expect(await call(readyz, { route: 'GET /readyz' })).toMatchObject({
      status: 503,
      body: { type: 'urn:surehop:problem:not-ready', away: ['store'] },
    });
  }
});

test('while DynamoDB is unavailable, GET /status still lists the queues of the broker', async () => {
  silent = false;
  const { handler: status } = await import('../../../functions/operations/status.ts');
  const got = await callAsOperator(status, { route: 'GET /status' });
  expect(got).toMatchObject({ status: 200, body: { deadLetters: { open: null } } });
  expect(got.body.queues.map(({ name }: { name: string }) => name)).toEqual(['stock', 'points']);
});

test('while DynamoDB is unavailable, the archive function fails, and therefore dead letters stay in the dead-letter queue', async () => {
  silent = false;
  const { handler: archive } = await import('../../../functions/dead-letters/archive.ts');
  const { anEvent, aRecord } = await import('../../support/delivery.ts');
  await expect(archive(anEvent([aRecord()], 'dead-letters'))).rejects.toThrow('DynamoDB');
});
