import { errors, type JWTPayload } from 'jose';

import type { Access } from './access.ts';
import { createIssuer, type Issuer } from './issuer.ts';
import { tokenSettings } from './settings.ts';
import { Problem } from '../problem.ts';
import type { RequestFacts } from '../request.ts';
import { isTokenError, verifyToken } from './token.ts';

const MAX_TOKEN_LENGTH = 8_192;

/**
 * The access of a route that only operators may call. Every request needs a JWT that the issuer has signed and whose
 * scopes contain `scope`.
 */
export const operator = (scope: string): Access => ({
  scheme: 'operator',
  scopes: [scope],
  verifier(surehop) {
    const { JWT_VERIFIED_BY, JWT_SCOPE_PREFIX } = surehop.settings(tokenSettings);
    const issuer = JWT_VERIFIED_BY === 'gateway' ? undefined : surehop.shared(createIssuer);
    return async (facts) => {
      const claims = await claimsOf(facts, issuer);
      if (!scopesOf(claims).includes(JWT_SCOPE_PREFIX + scope))
        throw new Problem('insufficient-scope', `The token lacks the scope ${scope}.`, {
          challenge: `scope="${scope}"`,
        });
      return { client: claims.sub! };
    };
  },
});

/**
 * Returns the claims of a request's token. If `issuer` is undefined, API Gateway's authorizer has already verified the
 * token.
 */
async function claimsOf({ headers, verifiedClaims }: RequestFacts, issuer: Issuer | undefined): Promise<JWTPayload> {
  const token = readBearer(headers.authorization);
  if (!issuer) {
    if (!verifiedClaims) throw new Problem('invalid-token', 'API Gateway has not verified the token.');
    return withSubject(withLists(verifiedClaims));
  }
  return withSubject(await verified(token, issuer));
}

async function verified(token: string, issuer: Issuer): Promise<JWTPayload> {
  try {
    return await verifyToken(token, issuer);
  } catch (error) {
    throw problemOfToken(error);
  }
}

function readBearer(header: string | undefined): string {
  if (!header) throw new Problem('no-token', 'Send an Authorization header: Bearer <token>.');
  const token = /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i.exec(header)?.[1];
  if (!token || token.length > MAX_TOKEN_LENGTH) throw new Problem('invalid-token', 'The token is not a signed JWT.');
  return token;
}

/** Checks that a token has a subject, because audit records need the subject. */
function withSubject(claims: JWTPayload): JWTPayload {
  if (typeof claims.sub !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(claims.sub))
    throw new Problem('invalid-token', 'The token has no usable subject.');
  return claims;
}

function problemOfToken(error: unknown): Problem {
  if (error instanceof errors.JWTExpired) return new Problem('token-expired', 'The token has expired.');
  if (isTokenError(error))
    return new Problem('invalid-token', 'The token has a wrong issuer, audience, time or signature.');
  return new Problem('identity-unavailable', "The issuer's public keys cannot be read.", {
    cause: error,
  });
}

/**
 * Removes the brackets in which API Gateway encloses a claim that is a list, for example `[one other]`. AWS does not
 * document this notation, but real events show it (https://github.com/floci-io/floci/pull/2011).
 */
const withLists = (claims: JWTPayload): JWTPayload => ({
  ...claims,
  scope: withoutBrackets(claims.scope),
  scp: withoutBrackets(claims.scp),
});

const withoutBrackets = (claim: unknown): unknown =>
  typeof claim === 'string' ? claim.replace(/^\[(.*)\]$/s, '$1') : claim;

/**
 * Returns the scopes of a token from the claim `scope` or `scp`, which API Gateway also reads. The claim is a list, or
 * a text with the scopes separated by spaces (RFC 8693).
 */
const scopesOf = ({ scope, scp }: JWTPayload): readonly string[] =>
  [scope, scp].flat().flatMap((one) => (typeof one === 'string' ? one.split(/\s+/).filter(Boolean) : []));
