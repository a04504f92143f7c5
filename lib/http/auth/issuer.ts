import { createRemoteJWKSet, customFetch, type FetchImplementation } from 'jose';
import * as z from 'zod';

import { DEVELOPMENT_STAGE } from '../../runtime/service-settings.ts';
import { SettingsError } from '../../runtime/settings.ts';
import type { Surehop } from '../../runtime/surehop.ts';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from '../development.ts';
import { tokenSettings } from './settings.ts';

const CACHED_MS = 10 * 60_000;
const REREAD_PAUSE_MS = 5_000;
/** How long one request for the issuer's keys may take, in ms. */
const REQUEST_TIMEOUT_MS = 3_000;

export interface Issuer {
  readonly name: string;
  readonly audience: string;
  readonly keys: ReturnType<typeof createRemoteJWKSet>;
  /**
   * Whether the issuer's keys may be read again now. There is a pause between two reads, because forged tokens must not
   * cause many requests to the issuer.
   */
  mayReread(): boolean;
  /** The accepted signature algorithms. Only RSA is accepted, as in API Gateway's authorizer. */
  readonly algorithms: readonly string[];
}

export function createIssuer({ settings, clock }: Surehop): Issuer {
  const { STAGE, JWT_ISSUER, JWT_AUDIENCE, JWKS_URL } = settings(tokenSettings);
  const isDevelopment = STAGE === DEVELOPMENT_STAGE;
  const name = JWT_ISSUER ?? (isDevelopment ? DEVELOPMENT_ISSUER : undefined);
  const audience = JWT_AUDIENCE ?? (isDevelopment ? DEVELOPMENT_AUDIENCE : undefined);
  if (!name || !audience) throw new SettingsError('missing settings: set JWT_ISSUER and JWT_AUDIENCE');
  if (!JWKS_URL && !URL.canParse(name))
    throw new SettingsError("missing setting: set JWKS_URL, or set JWT_ISSUER to the issuer's URL");
  const keys = createRemoteJWKSet(JWKS_URL ? new URL(JWKS_URL) : metadataUrl(name), {
    cacheMaxAge: CACHED_MS,
    cooldownDuration: REREAD_PAUSE_MS,
    timeoutDuration: REQUEST_TIMEOUT_MS,
    ...(!JWKS_URL && { [customFetch]: fetchByMetadata(name) }),
  });
  let rereadAtMs = -Infinity;
  const mayReread = () => {
    const nowMs = clock.now();
    if (keys.coolingDown || nowMs - rereadAtMs < REREAD_PAUSE_MS) return false;
    rereadAtMs = nowMs;
    return true;
  };
  return { name, audience, keys, mayReread, algorithms: ['RS256'] };
}

const metadata = z.object({ issuer: z.string(), jwks_uri: z.url() });

/**
 * Returns the URL of an issuer's OpenID metadata document
 * (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig).
 */
const metadataUrl = (issuer: string): URL => new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);

/** Fetches the keys of an OpenID provider from the URL `jwks_uri` in the provider's metadata. */
const fetchByMetadata =
  (issuer: string): FetchImplementation =>
  async (url, options) => {
    const response = await fetch(url, options);
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`${url} answered with status ${response.status} instead of OpenID metadata`);
    }
    const { issuer: named, jwks_uri: keysUrl } = metadata.parse(await response.json());
    // The metadata of another issuer could point to that issuer's own keys.
    if (named !== issuer)
      throw new Error(`${url} contains the metadata of the issuer "${named}" instead of "${issuer}"`);
    const { protocol } = new URL(keysUrl);
    if (protocol !== 'https:' && protocol !== new URL(issuer).protocol)
      throw new Error(`the OpenID metadata at ${url} names keys at ${keysUrl}, which is not an https address`);
    return fetch(keysUrl, options);
  };
