import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callAsOperator, callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { call } from '../../support/request.ts';

/** Stands where the store should be: keeps silent, or hangs up. */
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
    // Breakers have tests of their own.
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
  ['hangs up', false],
  ['keeps silent', true],
])('with a store that %s orders are accepted and published all the same, and it is told', async (_, isSilent) => {
  silent = isSilent;
  written = [];
  await backend.host.drain('stock');
  const key = randomUUID();
  const got = await place(key);
  expect(got).toMatchObject({ status: 202, body: { status: 'accepted' } });
  const messages = await backend.host.drain('stock');
  expect(messages.map((message) => message && message.properties.messageId)).toEqual([got.body.orderId]);
  expect(written.filter((line) => line.includes('intake goes on without its record'))).toHaveLength(1);
  expect(written.filter((line) => line.includes('"IntakeRecordUnavailable":1'))).toHaveLength(1);
  expect((await place(key)).body).toEqual(got.body);
});

test('with a silent store an order waits less than what needs the store', async () => {
  silent = true;
  const { handler: getStock } = await import('../../../functions/orders/get-stock.ts');
  const slow = call(getStock, { route: 'GET /stock/{sku}', path: { sku: 'apple' } });
  const first = await Promise.race([slow, place(randomUUID())]);
  expect(first.status).toBe(202);
  silent = false;
  server.closeAllConnections();
  expect((await slow).status).toBe(503);
});

test('with the store away what cannot be told is 503, to be asked again', async () => {
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

test('with the store away the service is not ready, and names the store', async () => {
  for (silent of [false, true]) {
    const { handler: readyz } = await import('../../../functions/operations/readyz.ts');
    expect(await call(readyz, { route: 'GET /readyz' })).toMatchObject({
      status: 503,
      body: { type: 'urn:surehop:problem:not-ready', away: ['store'] },
    });
  }
});

test('with the store away the status still tells what the broker knows', async () => {
  silent = false;
  const { handler: status } = await import('../../../functions/operations/status.ts');
  const got = await callAsOperator(status, { route: 'GET /status' });
  expect(got).toMatchObject({ status: 200, body: { deadLetters: { open: null } } });
  expect(got.body.queues.map(({ name }: { name: string }) => name)).toEqual(['stock', 'points']);
});

test('with the store away a dead letter is not taken from its queue', async () => {
  silent = false;
  const { handler: archive } = await import('../../../functions/dead-letters/archive.ts');
  const { anEvent, aRecord } = await import('../../support/delivery.ts');
  await expect(archive(anEvent([aRecord()], 'dead-letters'))).rejects.toThrow('DynamoDB');
});
