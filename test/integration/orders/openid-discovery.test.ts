import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { call } from '../../support/request.ts';

let backend: Backend;
let putStock: HttpHandler;
let provider: Server;
let issuer: string;
let key: CryptoKey;
let publicKey: JWK;
let asked: string[];

/** The documents that the OpenID provider of the tests serves, by URL path. Any other path gets the status 404. */
let documents: Record<string, () => unknown>;

/** The URL path of the keys of the simulated OpenID provider. Like Keycloak's path, it is not below `/.well-known`. */
const KEYS_PATH = '/realms/shop/protocol/openid-connect/certs';
const METADATA_PATH = '/realms/shop/.well-known/openid-configuration';

beforeAll(async () => {
  provider = createServer((request, response) => {
    asked.push(request.url!);
    const document = documents[request.url!]?.();
    response
      .writeHead(document ? 200 : 404, { 'content-type': 'application/json' })
      .end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>((listening) => provider.listen(0, '127.0.0.1', listening));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/realms/shop`;
  const pair = await generateKeyPair('RS256', { extractable: true });
  key = pair.privateKey;
  publicKey = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  backend = await aBackend();
  Object.assign(process.env, {
    STAGE: 'discovery',
    JWT_ISSUER: issuer,
    JWT_AUDIENCE: 'surehop',
    JWKS_URL: '',
  });
  ({ handler: putStock } = await import('../../../functions/orders/put-stock.ts'));
});
afterAll(async () => {
  await backend.remove();
  provider.closeAllConnections();
  provider.close();
});
beforeEach(() => {
  asked = [];
  documents = {
    [METADATA_PATH]: () => ({ issuer, jwks_uri: issuer.replace('/realms/shop', KEYS_PATH) }),
    [KEYS_PATH]: () => ({ keys: [publicKey] }),
  };
});

const put = async () => {
  const token = await new SignJWT({ scope: 'stock:write' })
    .setProtectedHeader({ alg: 'RS256', kid: 'one' })
    .setIssuer(issuer)
    .setAudience('surehop')
    .setSubject('ada')
    .setExpirationTime('5m')
    .sign(key);
  const headers = { authorization: `Bearer ${token}` };
  return call(putStock, { route: 'PUT /stock/{sku}', path: { sku: 'apple' }, body: { available: 1 }, headers });
};

test('a request with a token gets 503 if the OpenID metadata of the issuer is missing, names another issuer or has no valid jwks_uri', async () => {
  documents[METADATA_PATH] = () => undefined;
  expect(await put()).toMatchObject({ status: 503, body: { type: expect.stringContaining('identity-unavailable') } });
  documents[METADATA_PATH] = () => ({ issuer: 'https://evil.example', jwks_uri: `${issuer}/certs` });
  expect((await put()).status).toBe(503);
  documents[METADATA_PATH] = () => ({ issuer, jwks_uri: 'file:///etc/keys.json' });
  expect((await put()).status).toBe(503);
  documents[METADATA_PATH] = () => ({ issuer });
  expect((await put()).status).toBe(503);
  expect(new Set(asked)).toEqual(new Set([METADATA_PATH]));
});

test('to verify two tokens, the service reads the OpenID metadata of the issuer once, and reads the keys once at the jwks_uri in the metadata', async () => {
  expect((await put()).status).toBe(200);
  expect((await put()).status).toBe(200);
  expect(asked).toEqual([METADATA_PATH, KEYS_PATH]);
});
