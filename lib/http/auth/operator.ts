import { errors, type JWTPayload } from 'jose';

import type { Access } from './access.ts';
import { createIssuer, type Issuer } from './issuer.ts';
import { tokenSettings } from './settings.ts';
import { Problem } from '../problem.ts';
import type { RequestFacts } from '../request.ts';
import { isTokenFault, verifyToken } from './token.ts';

const MAX_TOKEN_LENGTH = 8_192;

/** For operators who hold a token with `scope`: a JWT of the issuer, verified against the keys that it publishes. */
export const operator = (scope: string): Access => ({
  scheme: 'operator',
  scopes: [scope],
  verifier(surehop) {
    const { JWT_VERIFIED_BY, JWT_SCOPE_PREFIX } = surehop.settings(tokenSettings);
    const issuer = JWT_VERIFIED_BY === 'gateway' ? undefined : surehop.shared(createIssuer);
    return async (facts) => {
      const claims = await claimsOf(facts, issuer);
      if (!scopesOf(claims).includes(JWT_SCOPE_PREFIX + scope))
        throw new Problem('insufficient-scope', `The token needs the scope ${scope}.`, {
          challenge: `scope="${scope}"`,
        });
      return { client: claims.sub! };
    };
  },
});

/** Without an issuer, the authorizer of API Gateway has verified the token. */
async function claimsOf({ headers, verifiedClaims }: RequestFacts, issuer: Issuer | undefined): Promise<JWTPayload> {
  const token = readBearer(headers.authorization);
  if (!issuer) {
    if (!verifiedClaims) throw new Problem('invalid-token', 'The token was not verified.');
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
  if (!header) throw new Problem('no-token', 'Send the header Authorization: Bearer <token>.');
  const token = /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i.exec(header)?.[1];
  if (!token || token.length > MAX_TOKEN_LENGTH) throw new Problem('invalid-token', 'The token is not a signed JWT.');
  return token;
}

/** Who is asking stands in the audit. */
function withSubject(claims: JWTPayload): JWTPayload {
  if (typeof claims.sub !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(claims.sub))
    throw new Problem('invalid-token', 'The token names nobody.');
  return claims;
}

function problemOfToken(error: unknown): Problem {
  if (error instanceof errors.JWTExpired) return new Problem('token-expired', 'The token has expired.');
  if (isTokenFault(error))
    return new Problem('invalid-token', 'The token is not one of the issuer, for this service, valid now.');
  return new Problem('identity-unavailable', "The issuer's keys cannot be read, so that no token can be verified.", {
    cause: error,
  });
}

/**
 * API Gateway hands on every claim as text, and a list as `[one other]`: nowhere documented, but so in its events
 * (https://github.com/floci-io/floci/pull/2011). The scopes that its event has beside the claims (`jwt.scopes`) depend on the
 * route's settings, and are `null` for a route without any, so that the claims alone are read.
 */
const withLists = (claims: JWTPayload): JWTPayload => ({
  ...claims,
  scope: withoutBrackets(claims.scope),
  scp: withoutBrackets(claims.scp),
});

const withoutBrackets = (claim: unknown): unknown =>
  typeof claim === 'string' ? claim.replace(/^\[(.*)\]$/s, '$1') : claim;

/** As RFC 8693 has them, with spaces between, or as a list; API Gateway too reads either claim. */
const scopesOf = ({ scope, scp }: JWTPayload): readonly string[] =>
  [scope, scp].flat().flatMap((one) => (typeof one === 'string' ? one.split(/\s+/).filter(Boolean) : []));
