import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  jwtVerify,
  SignJWT,
  type JWK,
  type JWTPayload,
} from 'jose';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from 'surehop/development';

const ALGORITHM = 'RS256';

/** How long an operator's token is valid, in seconds. */
export const TOKEN_SECONDS = 3_600;

/**
 * A local server that publishes the public key of the development issuer. Functions use this key to verify operators'
 * tokens, but only in the stage `local`.
 */
export interface Issuer {
  readonly jwksUrl: string;
  stop(): Promise<void>;
}

const keyFile = (dataDirectory: string) => join(dataDirectory, 'issuer', 'key.json');

/**
 * Starts a server that publishes the public key as a JWKS. The key pair is created under `dataDirectory` at the first start and
 * survives restarts.
 */
export async function startIssuer(dataDirectory: string): Promise<Issuer> {
  const { kty, n, e, kid } = await privateKey(dataDirectory);
  const jwks = JSON.stringify({ keys: [{ kty, n, e, kid, use: 'sig', alg: ALGORITHM }] });
  const server = createServer((request, response) => {
    const isThere = request.method === 'GET' && request.url === '/.well-known/jwks.json';
    response.writeHead(isThere ? 200 : 404, { 'content-type': 'application/json' }).end(isThere ? jwks : '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/jwks.json`,
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Issues an operator's token that is valid for one hour and contains the given scopes (permissions). */
export async function issueToken(
  dataDirectory: string,
  scopes: readonly string[],
  { subject = 'developer' }: { subject?: string } = {},
): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  return signClaims(dataDirectory, {
    iss: DEVELOPMENT_ISSUER,
    aud: DEVELOPMENT_AUDIENCE,
    sub: subject,
    scope: scopes.join(' '),
    iat: nowSeconds,
    exp: nowSeconds + TOKEN_SECONDS,
  });
}

/** Verifies an operator's token that `issueToken` has issued, and returns its scopes. Throws if the token is not valid. */
export async function verifyLocalToken(dataDirectory: string, token: string): Promise<string[]> {
  const { kty, n, e } = await privateKey(dataDirectory);
  const { payload } = await jwtVerify(token, await importJWK({ kty, n, e }, ALGORITHM), {
    issuer: DEVELOPMENT_ISSUER,
    audience: DEVELOPMENT_AUDIENCE,
    algorithms: [ALGORITHM],
    requiredClaims: ['exp', 'sub'],
  });
  return typeof payload['scope'] === 'string' ? payload['scope'].split(' ') : [];
}

/** Creates a token with the given claims, and signs the token with the issuer's key. */
export async function signClaims(dataDirectory: string, claims: JWTPayload): Promise<string> {
  const key = await privateKey(dataDirectory);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: 'at+jwt' })
    .sign(await importJWK(key, ALGORITHM));
}

async function privateKey(dataDirectory: string): Promise<JWK> {
  const file = keyFile(dataDirectory);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as JWK;
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const key = { ...jwk, kid: await calculateJwkThumbprint(jwk) };
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, JSON.stringify(key), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // If two commands create a key at the same time, both use the key that was written first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return JSON.parse(readFileSync(file, 'utf8')) as JWK;
  }
  return key;
}
