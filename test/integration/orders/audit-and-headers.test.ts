import { randomUUID } from 'node:crypto';

import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { call } from '../../support/request.ts';

let backend: Backend;
let putStock: HttpHandler;
let discard: HttpHandler;
let healthz: HttpHandler;

beforeAll(async () => {
  backend = await aBackend({ CORS_ORIGINS: 'https://shop.example,https://admin.example' });
  await backend.declare();
  ({ handler: putStock } = await import('../../../functions/orders/put-stock.ts'));
  ({ handler: discard } = await import('../../../functions/dead-letters/discard.ts'));
  ({ handler: healthz } = await import('../../../functions/operations/healthz.ts'));
});
afterAll(() => backend.remove());

const put = (sku: string, body: object, requestId: string) =>
  callAsOperator(putStock, { route: 'PUT /stock/{sku}', path: { sku }, body }, requestId);

async function audit(requestId: string) {
  const { store } = await import('../../../lib/dynamodb/store.ts');
  const surehop = await backend.surehop();
  const { Items = [] } = await store(surehop).send(new ScanCommand({ TableName: `${process.env.TABLE_PREFIX}audit` }));
  const record = Items.find(({ id }) => id?.S === requestId);
  return record && Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value.S ?? value.N]));
}

// https://www.rfc-editor.org/rfc/rfc9110#section-11.4
test.each(['Bearer', 'bearer', 'Bearer  '])(
  'a request is accepted if its Authorization header consists of %p and a valid token',
  async (scheme) => {
    const headers = { authorization: `${scheme} ${await backend.issuer.token()}` };
    const about = { route: 'PUT /stock/{sku}', path: { sku: 'pear' }, body: { available: 1 }, headers };
    expect((await call(putStock, about)).status).toBe(200);
  },
);

describe('the audit table', () => {
  test('the audit record of a change contains the operator, the action, the requested values, the time, the reason and the outcome', async () => {
    const requestId = randomUUID();
    expect((await put('apple', { available: 7, reason: 'counted again' }, requestId)).status).toBe(200);
    expect(await audit(requestId)).toEqual({
      id: requestId,
      actor: 'ada',
      action: 'PUT /stock/{sku} stock/apple',
      requested: '{"available":7}',
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      reason: 'counted again',
      outcome: 'succeeded',
      writeId: expect.any(String),
      expiresAt: expect.any(String),
    });
  });

  test('a change by an operator is recorded in the audit table even if the change fails or the operator gives no reason', async () => {
    const requestId = randomUUID();
    const about = { route: 'DELETE /dead-letters/{id}', path: { id: 'none' }, body: { reason: 'x' } };
    expect((await callAsOperator(discard, about, requestId)).status).toBe(404);
    expect(await audit(requestId)).toMatchObject({ outcome: 'failed: not-found', reason: 'x' });
    const other = randomUUID();
    await put('apple', { available: 8 }, other);
    expect(await audit(other)).toMatchObject({ reason: 'no reason given' });
  });

  test('a change that is requested without a token is refused with 401 and not recorded in the audit table', async () => {
    const requestId = randomUUID();
    const about = { route: 'PUT /stock/{sku}', path: { sku: 'apple' }, body: { available: 7 } };
    expect((await call(putStock, about, requestId)).status).toBe(401);
    expect(await audit(requestId)).toBeUndefined();
  });
});

describe('response headers', () => {
  test('a response has CORS headers only if the request comes from a configured origin', async () => {
    const headersFor = async (origin?: string) =>
      (await call(healthz, { route: 'GET /healthz', headers: origin ? { origin } : {} })).headers;
    expect((await headersFor('https://shop.example'))['access-control-allow-origin']).toBe('https://shop.example');
    for (const origin of [undefined, 'https://shop.example.evil.example', 'null', 'https://evil.example', '*'])
      expect((await headersFor(origin))['access-control-allow-origin']).toBeUndefined();
    expect((await headersFor())['vary']).toBe('origin');
  });

  test('responses have headers that tell browsers not to cache, embed or render them', async () => {
    const { headers } = await call(healthz, { route: 'GET /healthz' });
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'strict-transport-security': expect.stringContaining('max-age='),
    });
  });
});
