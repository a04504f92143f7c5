import {
  createLocalJWKSet,
  errors,
  jwtVerify,
  type CryptoKey,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose';

import { describeError } from '../../runtime/errors.ts';
import { log } from '../../runtime/log.ts';
import type { Issuer } from './issuer.ts';

/** For clocks that are a little apart. */
const CLOCK_TOLERANCE_SECONDS = 30;

/** Keys that are tried on one token, where its header does not say which. */
const MAX_KEYS = 50;

/** The claims of a token that one of the issuer's keys verifies; throws an error of `jose` otherwise. */
export async function verifyToken(token: string, issuer: Issuer): Promise<JWTPayload> {
  // A reading that began before a freeze of the environment may fail by its timer alone.
  const isJoining = issuer.keys.reloading;
  try {
    return await verifyOnce(token, issuer);
  } catch (error) {
    if (!isJoining || isTokenFault(error)) throw error;
    return verifyOnce(token, issuer);
  }
}

async function verifyOnce(token: string, issuer: Issuer): Promise<JWTPayload> {
  try {
    return await verifyWithEachKey(token, issuer);
  } catch (error) {
    // The key may be newer than what was read: one without an id, or one that took the id of another.
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
    log().warn('newer keys of the issuer cannot be read', { because: describeError(error) });
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
    // The two overloads of jwtVerify.
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

/** The claims by the first of several keys whose signature it is. */
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
      // Claims are looked at once the signature is right.
      if (isFaultOfClaims(error)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

const isFaultOfClaims = (error: unknown): boolean =>
  error instanceof errors.JWTClaimValidationFailed ||
  error instanceof errors.JWTExpired ||
  error instanceof errors.JWTInvalid;

/** Faults of the token itself; for anything else the issuer is at fault, or away. */
const tokenFaults: ReadonlySet<string> = new Set([
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

/** Whether the token is at fault, and not the issuer. */
export const isTokenFault = (error: unknown): boolean =>
  error instanceof errors.JOSEError && tokenFaults.has(error.code);
