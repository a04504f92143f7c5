import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { LOCAL_SCOPE, requireLocalOperator, requireOwnPage } from '../../../infra/dev/console/guard.ts';
import { issueToken, signClaims } from '../../../infra/dev/runtime/issuer.ts';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from '../../../lib/http/development.ts';

let dataDirectory: string;
let otherDirectory: string;
beforeAll(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'surehop-guard-'));
  otherDirectory = mkdtempSync(join(tmpdir(), 'surehop-guard-'));
});
afterAll(() => {
  for (const directory of [dataDirectory, otherDirectory]) rmSync(directory, { recursive: true });
});

const own = { host: 'localhost:3000', 'sec-fetch-site': 'same-origin' };

/** Requests to the developer's machine that a page of another site can send through the browser. */
const hostile = {
  'a page of another site sent it': { ...own, 'sec-fetch-site': 'cross-site' },
  'a page on another port of localhost sent it': { ...own, 'sec-fetch-site': 'same-site' },
  'its host name is that of another site, which stands for 127.0.0.1': { ...own, host: 'attacker.example:3000' },
  'its host name begins with localhost': { ...own, host: 'localhost.attacker.example:3000' },
  'its host name contains localhost as a user name': { ...own, host: 'localhost@attacker.example' },
  'its Host header has two values': { ...own, host: 'localhost:3000, attacker.example' },
  'it has no Host header': { ...own, host: undefined },
  'its Host header is 0.0.0.0': { ...own, host: '0.0.0.0:3000' },
  'its Origin is that of another site': { ...own, origin: 'https://attacker.example' },
  'its Origin is opaque': { ...own, origin: 'null' },
  'its Origin has another port': { ...own, origin: 'http://localhost:3001' },
};

describe('GET /console/session', () => {
  test.each(['localhost:3000', '127.0.0.1:3000', '[::1]:3000', 'localhost', 'LOCALHOST:3000'])(
    "a page of the service at %s gets the developer's token",
    (host) => {
      expect(() => requireOwnPage({ ...own, host })).not.toThrow();
    },
  );

  test.each(Object.entries(hostile))('a request gets no token if %s', (_, headers) => {
    expect(() => requireOwnPage(headers)).toThrow(expect.objectContaining({ name: 'Refusal', status: 403 }));
  });

  test.each([undefined, 'none'])('a request whose header Sec-Fetch-Site is %s gets no token', (site) => {
    expect(() => requireOwnPage({ ...own, 'sec-fetch-site': site })).toThrow('npx surehop token');
  });
});

describe('the routes below /console/dev', () => {
  const bearer = async (...scopes: string[]) => `Bearer ${await issueToken(dataDirectory, scopes)}`;
  const answer = async (headers: Record<string, string | undefined>) =>
    requireLocalOperator(headers, dataDirectory).then(
      () => 200,
      (error: { status: number }) => error.status,
    );

  test('a request whose token has the scope local:send is accepted both from a page of the service and from a program without an Origin header', async () => {
    const authorization = await bearer('status:read', LOCAL_SCOPE);
    expect(await answer({ ...own, origin: 'http://localhost:3000', authorization })).toBe(200);
    expect(await answer({ host: '127.0.0.1:3000', authorization })).toBe(200);
  });

  test.each(Object.entries(hostile))('a request is refused in spite of a valid token if %s', async (_, headers) => {
    expect(await answer({ ...headers, authorization: await bearer(LOCAL_SCOPE) })).toBe(403);
  });

  test('a request is refused without a token, and with a token that is not valid or lacks the scope', async () => {
    const claims = { iss: DEVELOPMENT_ISSUER, aud: DEVELOPMENT_AUDIENCE, sub: 'developer', scope: LOCAL_SCOPE };
    const expired = await signClaims(dataDirectory, { ...claims, exp: Math.floor(Date.now() / 1_000) - 60 });
    const endless = await signClaims(dataDirectory, claims);
    const foreign = await issueToken(otherDirectory, [LOCAL_SCOPE]);
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${expired.split('.')[1]}.`;
    const answers = await Promise.all([
      answer(own),
      ...['', 'Bearer ', 'Basic YTpi', ...[expired, endless, foreign, unsigned].map((token) => `Bearer ${token}`)].map(
        (authorization) => answer({ ...own, authorization }),
      ),
      answer({ ...own, authorization: await bearer('status:read') }),
    ]);
    expect(answers).toEqual([401, 401, 401, 401, 401, 401, 401, 401, 403]);
  });
});
