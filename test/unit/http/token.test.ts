import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

import type { Issuer } from '../../../lib/http/auth/issuer.ts';
import { isTokenError, verifyToken } from '../../../lib/http/auth/token.ts';

interface Key {
  readonly jwk: JWK;
  readonly privateKey: CryptoKey;
}

let server: Server;
let served: readonly JWK[];
let reads = 0;
let isUnavailable = false;
let keys: Key[];

beforeAll(async () => {
  keys = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
      return { jwk: { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig' }, privateKey };
    }),
  );
  server = createServer((_, response) => {
    reads += 1;
    response.writeHead(isUnavailable ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: served }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  [reads, isUnavailable] = [0, false];
});

/** A token issuer with the given keys. After the service has fetched the keys, it waits at least `cooldownMs` milliseconds before it fetches them again. */
function anIssuer(published: readonly JWK[], cooldownMs = 0): Issuer {
  served = published;
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const set = createRemoteJWKSet(url, { cooldownDuration: cooldownMs });
  return {
    name: 'https://issuer.example',
    audience: 'surehop',
    keys: set,
    mayReread: () => !set.coolingDown,
    algorithms: ['RS256'],
  };
}

const named = ({ jwk }: Key, kid?: string): JWK => (kid === undefined ? jwk : { ...jwk, kid });

const tokenOf = ({ privateKey }: Key, kid?: string, expires = '1h') =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', ...(kid !== undefined && { kid }) })
    .setIssuer('https://issuer.example')
    .setAudience('surehop')
    .setSubject('ada')
    .setExpirationTime(expires)
    .sign(privateKey);

const verify = async (token: Promise<string>, issuer: Issuer) => (await verifyToken(await token, issuer)).sub;

describe('accepted tokens', () => {
  test('a token without a key id is accepted if it was signed with any published key of the issuer', async () => {
    const issuer = anIssuer([named(keys[0]!, 'a'), named(keys[1]!, 'b'), named(keys[2]!)]);
    for (const key of keys.slice(0, 3)) expect(await verify(tokenOf(key), issuer)).toBe('ada');
  });

  test('a token is accepted if the issuer publishes the key of the token twice with the same key id', async () => {
    const issuer = anIssuer([named(keys[0]!, 'a'), named(keys[0]!, 'a')]);
    expect(await verify(tokenOf(keys[0]!, 'a'), issuer)).toBe('ada');
  });

  test('a token is accepted even if the issuer publishes two different keys with the key id of the token', async () => {
    const issuer = anIssuer([named(keys[0]!, 'a'), named(keys[1]!, 'a')]);
    for (const key of keys.slice(0, 2)) expect(await verify(tokenOf(key, 'a'), issuer)).toBe('ada');
  });

  test('a token with a key id is accepted if the issuer publishes its keys without key ids', async () => {
    const issuer = anIssuer([named(keys[0]!), named(keys[1]!)]);
    for (const key of keys.slice(0, 2)) expect(await verify(tokenOf(key, 'a'), issuer)).toBe('ada');
    expect(await verify(tokenOf(keys[2]!, 'a'), anIssuer([named(keys[2]!)]))).toBe('ada');
  });

  test('a token is accepted although the issuer also publishes invalid keys with the same key id', async () => {
    const broken: JWK[] = [
      { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'a' },
      { kty: 'RSA', kid: 'a' },
      { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'a' },
      { kty: 'unheard of', kid: 'a' },
    ];
    const issuer = anIssuer([...broken, named(keys[0]!, 'a')]);
    expect(await verify(tokenOf(keys[0]!, 'a'), issuer)).toBe('ada');
    expect(await verify(tokenOf(keys[0]!), issuer)).toBe('ada');
  });

  test.each([undefined, 'a'])(
    'a token that was signed with a newly published key is accepted even if the cached keys contain an older key with the same key id (key id: %p)',
    async (kid) => {
      const issuer = anIssuer([named(keys[0]!, kid)]);
      expect(await verify(tokenOf(keys[0]!, kid), issuer)).toBe('ada');
      served = [named(keys[1]!, kid)];
      expect(await verify(tokenOf(keys[1]!, kid), issuer)).toBe('ada');
      expect(reads).toBe(2);
    },
  );
});

describe('rejected tokens', () => {
  const faultOf = async (token: Promise<string>, issuer: Issuer) =>
    verify(token, issuer).then(
      () => 'accepted',
      (error: { code?: string }) => (isTokenError(error) ? error.code : `not a token error: ${error.code}`),
    );

  test('several tokens that were signed with an unpublished key cause only one read of the keys of the issuer', async () => {
    const issuer = anIssuer([named(keys[0]!, 'a'), named(keys[1]!, 'a')], 60_000);
    for (const kid of [undefined, 'a', 'a'])
      expect(await faultOf(tokenOf(keys[3]!, kid), issuer)).toBe('ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
    expect(reads).toBe(1);
  });

  test('verifying a token fails if the issuer publishes no key with the key id of the token', async () => {
    expect(await faultOf(tokenOf(keys[0]!, 'z'), anIssuer([named(keys[0]!, 'a')]))).toBe('ERR_JWKS_NO_MATCHING_KEY');
  });

  test('verifying an expired token fails, whichever published key it was signed with', async () => {
    const issuer = anIssuer([named(keys[0]!), named(keys[1]!)]);
    for (const key of keys.slice(0, 2))
      expect(await faultOf(tokenOf(key, undefined, '-1h'), issuer)).toBe('ERR_JWT_EXPIRED');
  });

  test('while the keys of the issuer cannot be read, a token is rejected if none of the cached keys has signed the token', async () => {
    const issuer = anIssuer([named(keys[0]!, 'a')]);
    expect(await verify(tokenOf(keys[0]!, 'a'), issuer)).toBe('ada');
    isUnavailable = true;
    expect(await faultOf(tokenOf(keys[1]!, 'a'), issuer)).toBe('ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
  });

  test('the signature of a token is checked against at most fifty published keys', async () => {
    const many = Array.from({ length: 50 }, () => named(keys[0]!));
    expect(await verify(tokenOf(keys[1]!), anIssuer([...many.slice(1), named(keys[1]!)]))).toBe('ada');
    const issuer = anIssuer([...many, named(keys[1]!)]);
    expect(await faultOf(tokenOf(keys[1]!), issuer)).toBe('ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
  });
});
