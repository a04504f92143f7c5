import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { callAsOperator, callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { call } from '../../support/request.ts';

/** The server that replaces the broker in these tests. It accepts connections and never answers. */
let server: Server;
let backend: Backend;
const sockets = new Set<Socket>();

beforeAll(async () => {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const broker = `127.0.0.1:${port}`;
  backend = await aBackend({
    AMQP_URL: `amqp://secret-user:secret-word@${broker}`,
    MANAGEMENT_URL: 'http://127.0.0.1:1',
    PUBLISH_DEADLINE_MS: '300',
  });
});

afterAll(async () => {
  await backend.remove();
  for (const socket of sockets) socket.destroy();
  server.close();
});

test('if the broker does not answer, POST /orders responds with 503 and the problem type broker-unavailable', async () => {
  const { handler } = await import('../../../functions/orders/place-order.ts');
  const got = await callSigned(handler, randomUUID(), {
    route: 'POST /orders',
    body: { customerId: 'c-1', currency: 'EUR', items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }] },
  });
  expect(got).toMatchObject({
    status: 503,
    headers: { 'retry-after': expect.any(String) },
    body: { type: 'urn:surehop:problem:broker-unavailable', indeterminate: false },
  });
  expect(JSON.stringify(got)).not.toContain('secret');
});

test('if the broker does not answer, GET /readyz responds with 503 and names the broker as unavailable', async () => {
  const { handler } = await import('../../../functions/operations/readyz.ts');
  expect(await call(handler, { route: 'GET /readyz' })).toMatchObject({ status: 503, body: { away: ['broker'] } });
});

test('GET /status responds with 503 if the management API of the broker is unavailable', async () => {
  const { handler } = await import('../../../functions/operations/status.ts');
  const got = await callAsOperator(handler, { route: 'GET /status' });
  expect(got).toMatchObject({ status: 503, body: { type: 'urn:surehop:problem:status-unavailable' } });
  expect(JSON.stringify(got)).not.toContain('secret');
});
