import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { JWTPayload } from 'jose';

import { scopes as allScopes } from '../../infra/aws/foundation/operators.ts';
import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { issueToken, signClaims, startIssuer } from '../../infra/dev/runtime/issuer.ts';
import type { HttpHandler } from '../../lib/http/endpoint.ts';
import { call, type About, type Got } from './request.ts';

const ALL_SCOPES = Object.keys(allScopes);

/** Issues operators' access tokens that the functions in this process accept. */
export interface TestIssuer {
  token(scopes?: readonly string[], subject?: string): Promise<string>;
  /** Signs a token with the given claims, which may be invalid. */
  sign(claims: JWTPayload): Promise<string>;
  stop(): Promise<void>;
}

let current: TestIssuer | undefined;

export async function anIssuer(): Promise<TestIssuer> {
  const directory = mkdtempSync(join(tmpdir(), 'surehop-issuer-'));
  const { jwksUrl, stop } = await startIssuer(directory);
  process.env.JWKS_URL = jwksUrl;
  return (current = {
    token: (scopes = ALL_SCOPES, subject = 'ada') => issueToken(directory, scopes, { subject }),
    sign: (claims) => signClaims(directory, claims),
    async stop() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
      delete process.env.JWKS_URL;
    },
  });
}

/** Calls an HTTP function with an operator's token that has every scope. */
export async function callAsOperator(handler: HttpHandler, about: About, requestId?: string): Promise<Got> {
  if (!current) throw new Error('there is no token issuer; call anIssuer() or aBackend() first');
  const authorization = `Bearer ${await current.token()}`;
  return call(handler, { ...about, headers: { authorization, ...about.headers } }, requestId);
}

/**
 * Calls an HTTP function with a body that is signed with the development key. `key` is the idempotency key, which the
 * request contains as the header `webhook-id`.
 */
export function callSigned(handler: HttpHandler, key: string, about: About): Promise<Got> {
  const raw = about.raw ?? JSON.stringify(about.body);
  return call(handler, { ...about, raw, headers: { ...signedHeaders(String(raw), { key }), ...about.headers } });
}
