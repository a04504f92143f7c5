import { describe, expect, test } from '@jest/globals';

import { endpoint } from '../../../lib/http/endpoint.ts';
import { operator } from '../../../lib/http/auth/operator.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';
import { call } from '../../support/request.ts';

const surehop = createSurehop({
  environment: {
    LOG_LEVEL: 'ERROR',
    JWT_VERIFIED_BY: 'gateway',
    JWT_SCOPE_PREFIX: 'surehop/',
  },
});

const verified = (claims: object) => ({
  headers: { authorization: 'Bearer a.b.c' },
  authorizer: { jwt: { claims, scopes: null } },
});

describe('the scopes of a token that API Gateway verified', () => {
  const statusFor = async (claims: object) => {
    const handler = endpoint(surehop, { access: operator('orders:read') }, () => ({ status: 200, body: {} }));
    return (await call(handler, verified({ sub: 'ada', ...claims }))).status;
  };

  test.each<[string, object]>([
    ['a single scope', { scope: 'surehop/orders:read' }],
    ['scopes separated by spaces', { scope: 'surehop/status:read surehop/orders:read surehop/x' }],
    ['the last entry of a list in API Gateway notation', { scope: '[surehop/status:read surehop/orders:read]' }],
    ['the first entry of a list in API Gateway notation', { scope: '[surehop/orders:read surehop/status:read]' }],
    ['the only entry of a list in API Gateway notation', { scope: '[surehop/orders:read]' }],
    ['a JSON list', { scope: ['surehop/status:read', 'surehop/orders:read'] }],
    ['a list in the claim scp', { scp: '[surehop/status:read surehop/orders:read]' }],
    ['the claim scp, beside a scope claim without the scope', { scope: 'openid', scp: 'surehop/orders:read' }],
  ])('a token that API Gateway verified is accepted if %s contains the required scope', async (_, claims) => {
    expect(await statusFor(claims)).toBe(200);
  });

  test.each<[string, object]>([
    ['no scope claim', {}],
    ['an empty text', { scope: '' }],
    ['an empty list', { scope: '[]' }],
    ['a scope with another prefix', { scope: '[other/orders:read]' }],
    ['scopes that only contain the required name', { scope: 'surehop/orders:read-not surehop/orders' }],
    ['a number', { scope: 7 }],
    ['an object', { scope: { 'surehop/orders:read': true } }],
  ])(
    'a request gets the status 403 if its token, which API Gateway verified, has %s instead of the required scope',
    async (_, claims) => {
      expect(await statusFor(claims)).toBe(403);
    },
  );
});

describe('tokens that only API Gateway verifies', () => {
  const whoami = () =>
    endpoint(surehop, { access: operator('loans:write') }, ({ client }) => ({ status: 200, body: { client } }));

  test('the service takes the client and its scopes from the claims that API Gateway verified', async () => {
    expect(
      await call(whoami(), verified({ sub: 'ada', scope: 'surehop/status:read surehop/loans:write' })),
    ).toMatchObject({ status: 200, body: { client: 'ada' } });
    expect(await call(whoami(), verified({ sub: 'ada', scp: ['surehop/loans:write'] }))).toMatchObject({ status: 200 });
  });

  test('a request gets the status 403 if its token does not contain the required scope with the prefix of this service', async () => {
    for (const scope of ['loans:write', 'other/loans:write', 'surehop/loans', undefined])
      expect(await call(whoami(), verified({ sub: 'ada', scope }))).toMatchObject({
        status: 403,
        headers: { 'www-authenticate': expect.stringContaining('insufficient_scope') },
      });
  });

  test('a request gets the status 401 if the JWT authorizer of API Gateway passed no `sub` claim', async () => {
    expect(await call(whoami(), { headers: { authorization: 'Bearer a.b.c' } })).toMatchObject({ status: 401 });
    expect(await call(whoami(), verified({ scope: 'surehop/loans:write' }))).toMatchObject({ status: 401 });
    // The service does not trust claims from a Lambda authorizer.
    const lambda = { lambda: { principalId: 'ada', scope: 'surehop/loans:write' } };
    expect(await call(whoami(), { headers: { authorization: 'Bearer a.b.c' }, authorizer: lambda })).toMatchObject({
      status: 401,
    });
    expect(await call(whoami(), { authorizer: verified({ sub: 'ada' }).authorizer })).toMatchObject({
      status: 401,
      body: { type: 'urn:surehop:problem:no-token' },
    });
  });
});
