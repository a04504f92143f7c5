import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, describe, expect, test } from '@jest/globals';

import { open } from '../../../lib/http/auth/access.ts';
import { endpoint } from '../../../lib/http/endpoint.ts';
import { operator } from '../../../lib/http/auth/operator.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';
import { call } from '../../support/request.ts';

const DEADLINE_MS = 150;

const surehop = createSurehop({
  environment: {
    LOG_LEVEL: 'ERROR',
    RATE_LIMIT_PER_SECOND: '20',
    CLIENT_RATE_LIMIT_PER_SECOND: '5',
    MAX_IN_FLIGHT: '2',
    REQUEST_DEADLINE_MS: String(DEADLINE_MS),
    JWT_VERIFIED_BY: 'gateway',
    JWT_SCOPE_PREFIX: 'surehop/',
  },
});
beforeAll(() => void (process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'));

const verified = (claims: object) => ({
  headers: { authorization: 'Bearer a.b.c' },
  authorizer: { jwt: { claims, scopes: null } },
});

describe('the scopes of a token that API Gateway has verified', () => {
  /** Clients of their own, since each has a rate. */
  let clients = 0;
  const statusFor = async (claims: object) => {
    const handler = endpoint(surehop, { access: operator('orders:read') }, () => ({ status: 200, body: {} }));
    return (await call(handler, verified({ sub: `client-${(clients += 1)}`, ...claims }))).status;
  };

  test.each<[string, object]>([
    ['text of one', { scope: 'surehop/orders:read' }],
    ['text with spaces between', { scope: 'surehop/status:read surehop/orders:read surehop/x' }],
    ['a list as API Gateway writes it, at its end', { scope: '[surehop/status:read surehop/orders:read]' }],
    ['a list as API Gateway writes it, at its beginning', { scope: '[surehop/orders:read surehop/status:read]' }],
    ['a list of one as API Gateway writes it', { scope: '[surehop/orders:read]' }],
    ['a list as it is', { scope: ['surehop/status:read', 'surehop/orders:read'] }],
    ['a list in the claim scp', { scp: '[surehop/status:read surehop/orders:read]' }],
    ['text in the claim scp, beside a scope without it', { scope: 'openid', scp: 'surehop/orders:read' }],
  ])('are read as %s', async (_, claims) => {
    expect(await statusFor(claims)).toBe(200);
  });

  test.each<[string, object]>([
    ['none', {}],
    ['empty text', { scope: '' }],
    ['an empty list', { scope: '[]' }],
    ['another prefix', { scope: '[other/orders:read]' }],
    ['a part of the name', { scope: 'surehop/orders:read-not surehop/orders' }],
    ['a number', { scope: 7 }],
    ['an object', { scope: { 'surehop/orders:read': true } }],
  ])('do not allow it as %s', async (_, claims) => {
    expect(await statusFor(claims)).toBe(403);
  });
});

describe('too many requests', () => {
  test('in total are 429, with the seconds to wait and what is left', async () => {
    const handler = endpoint(surehop, { access: open }, () => ({ status: 200, body: {} }));
    const got = [];
    for (let request = 0; request < 40; request += 1) got.push(await call(handler, {}));
    const refused = got.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({
      headers: { 'retry-after': '1', 'ratelimit-policy': '"total";q=20;w=1', ratelimit: '"total";r=0;t=1' },
      body: { type: 'urn:surehop:problem:rate-limited' },
    });
    expect(got.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(20);
  });

  test('of one client leave room for another', async () => {
    const handler = endpoint(surehop, { access: operator('x') }, () => ({ status: 200, body: {} }));
    const as = (sub: string) => call(handler, verified({ sub, scope: 'surehop/x' }));
    const statuses = [];
    for (let request = 0; request < 12; request += 1) statuses.push((await as('ada')).status);
    expect(statuses).toContain(429);
    expect((await as('grace')).status).toBe(200);
  });

  test('at once are refused at once, and others are done', async () => {
    let end = () => {};
    const held = new Promise<void>((resolve) => (end = resolve));
    const handler = endpoint(surehop, { access: open }, async () => {
      await held;
      return { status: 200, body: {} };
    });
    const first = [call(handler, {}), call(handler, {})];
    expect(await call(handler, {})).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { type: 'urn:surehop:problem:overloaded' },
    });
    end();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

test('a request that is not done in time is answered in time, and its work told', async () => {
  let signal: AbortSignal | undefined;
  const handler = endpoint(surehop, { access: open }, async (request) => {
    signal = request.signal;
    await sleep(DEADLINE_MS * 10, undefined, { signal });
    return { status: 200, body: {} };
  });
  expect(await call(handler, {})).toMatchObject({
    status: 503,
    headers: { 'retry-after': '1' },
    body: { type: 'urn:surehop:problem:deadline-exceeded', indeterminate: true },
  });
  expect(signal?.aborted).toBe(true);
});

describe('where API Gateway alone verifies tokens', () => {
  const whoami = () =>
    endpoint(surehop, { access: operator('stock:write') }, ({ client }) => ({ status: 200, body: { client } }));

  test('its claims say who is asking, and for what', async () => {
    expect(
      await call(whoami(), verified({ sub: 'ada', scope: 'surehop/status:read surehop/stock:write' })),
    ).toMatchObject({ status: 200, body: { client: 'ada' } });
    expect(await call(whoami(), verified({ sub: 'ada', scp: ['surehop/stock:write'] }))).toMatchObject({ status: 200 });
  });

  test('a scope of another service is none, nor is one without its prefix', async () => {
    for (const scope of ['stock:write', 'other/stock:write', 'surehop/stock', undefined])
      expect(await call(whoami(), verified({ sub: 'ada', scope }))).toMatchObject({
        status: 403,
        headers: { 'www-authenticate': expect.stringContaining('insufficient_scope') },
      });
  });

  test('a token that it did not verify is worth nothing', async () => {
    expect(await call(whoami(), { headers: { authorization: 'Bearer a.b.c' } })).toMatchObject({ status: 401 });
    expect(await call(whoami(), verified({ scope: 'surehop/stock:write' }))).toMatchObject({ status: 401 });
    // Neither is an authorizer of another kind.
    const lambda = { lambda: { principalId: 'ada', scope: 'surehop/stock:write' } };
    expect(await call(whoami(), { headers: { authorization: 'Bearer a.b.c' }, authorizer: lambda })).toMatchObject({
      status: 401,
    });
    expect(await call(whoami(), { authorizer: verified({ sub: 'ada' }).authorizer })).toMatchObject({
      status: 401,
      body: { type: 'urn:surehop:problem:no-token' },
    });
  });
});
