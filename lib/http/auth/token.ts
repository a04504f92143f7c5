import {
  createLocalJWKSet,
  errors,
  jwtVerify,
  type CryptoKey,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose';

import { log } from '../../runtime/log.ts';
import { errorFields } from '../../runtime/stack.ts';
import type { Issuer } from './issuer.ts';

/**
 * The largest accepted difference between the clocks of the issuer and of this service, in seconds. A token is accepted
 * for this long after it expires.
 */
const CLOCK_TOLERANCE_SECONDS = 30;

/** The maximum number of issuer keys that are tried for one token. */
const MAX_KEYS = 50;

/**
 * Verifies a token with the keys of the token's issuer, and returns the claims of the token. Throws an error of the
 * library `jose` if the token is invalid.
 */
export async function verifyToken(token: string, issuer: Issuer): Promise<JWTPayload> {
  // If Lambda froze this environment during a read of the keys, the read may time out right after the environment resumes.
  const isJoining = issuer.keys.reloading;
  try {
    return await verifyOnce(token, issuer);
  } catch (error) {
    if (!isJoining || isTokenError(error)) throw error;
    return verifyOnce(token, issuer);
  }
}

async function verifyOnce(token: string, issuer: Issuer): Promise<JWTPayload> {
  try {
    return await verifyWithEachKey(token, issuer);
  } catch (error) {
    // The issuer may have published a new key without an id, or reused an id.
    if (!(error instanceof errors.JWSSignatureVerificationFailed) || !(await hasNewerKeys(issuer))) throw error;
    return verifyWithEachKey(token, issuer);
  }
}

async function hasNewerKeys({ keys, mayReread }: Issuer): Promise<boolean> {
  if (!mayReread()) return false;
  try {
    await keys.reload();
    return true;
  } catch (error) {
    log().warn('refreshing the keys of the token issuer failed; the cached keys stay in use', errorFields(error));
    return false;
  }
}

async function verifyWithEachKey(token: string, { name, audience, keys, algorithms }: Issuer): Promise<JWTPayload> {
  const options: JWTVerifyOptions = {
    issuer: name,
    audience,
    algorithms: [...algorithms],
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  };
  const verify = async (key: CryptoKey | JWTVerifyGetKey) =>
    // jwtVerify has one overload for each type of key.
    (await (typeof key === 'function' ? jwtVerify(token, key, options) : jwtVerify(token, key, options))).payload;
  try {
    return await verify(keys);
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyWithFirst(error, verify);
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    const nameless = (keys.jwks()?.keys ?? []).filter(({ kid }) => kid === undefined);
    if (nameless.length === 0) throw error;
    const set = createLocalJWKSet({ keys: nameless });
    try {
      return await verify((header, input) => set({ ...header, kid: undefined }, input));
    } catch (second) {
      if (second instanceof errors.JWKSMultipleMatchingKeys) return verifyWithFirst(second, verify);
      throw second;
    }
  }
}

async function verifyWithFirst(
  keys: AsyncIterable<CryptoKey>,
  verify: (key: CryptoKey) => Promise<JWTPayload>,
): Promise<JWTPayload> {
  let tried = 0;
  for await (const key of keys) {
    if (tried === MAX_KEYS) break;
    tried += 1;
    try {
      return await verify(key);
    } catch (error) {
      // jose checks claims only after the signature is valid.
      if (isClaimError(error)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

const isClaimError = (error: unknown): boolean =>
  error instanceof errors.JWTClaimValidationFailed ||
  error instanceof errors.JWTExpired ||
  error instanceof errors.JWTInvalid;

/**
 * The codes of the errors of the library `jose` which mean that the token is invalid. Every other error means that the
 * issuer or the network has a problem.
 */
const tokenErrors: ReadonlySet<string> = new Set([
  errors.JWTExpired.code,
  errors.JWTClaimValidationFailed.code,
  errors.JWTInvalid.code,
  errors.JWSInvalid.code,
  errors.JWSSignatureVerificationFailed.code,
  errors.JOSEAlgNotAllowed.code,
  errors.JOSENotSupported.code,
  errors.JWKSNoMatchingKey.code,
  errors.JWKSMultipleMatchingKeys.code,
]);

export const isTokenError = (error: unknown): boolean =>
  error instanceof errors.JOSEError && tokenErrors.has(error.code);
