import { createRemoteJWKSet, customFetch } from 'jose';

import { DEVELOPMENT_STAGE } from '../../runtime/service-settings.ts';
import { SettingsError } from '../../runtime/settings.ts';
import type { Surehop } from '../../runtime/surehop.ts';
import { fetchByMetadata, metadataUrl } from './discovery.ts';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from '../development.ts';
import { tokenSettings } from './settings.ts';

/** Keys are used for this long, and read again where a token names an unknown one, but not more often than the second. */
const CACHED_MS = 10 * 60_000;
const REREAD_PAUSE_MS = 5_000;
const PATIENCE_MS = 3_000;

/** Who issues operators' tokens, for whom, and the keys that it publishes. */
export interface Issuer {
  readonly name: string;
  readonly audience: string;
  readonly keys: ReturnType<typeof createRemoteJWKSet>;
  /** Whether the keys may be read again because a signature fits none of them: not for each forged token. */
  mayReread(): boolean;
  /** What it signs with; API Gateway's authorizer takes RSA alone. */
  readonly algorithms: readonly string[];
}

/** The issuer that the settings name. */
export function createIssuer({ settings, clock }: Surehop): Issuer {
  const { STAGE, JWT_ISSUER, JWT_AUDIENCE, JWKS_URL } = settings(tokenSettings);
  const isDevelopment = STAGE === DEVELOPMENT_STAGE;
  const name = JWT_ISSUER ?? (isDevelopment ? DEVELOPMENT_ISSUER : undefined);
  const audience = JWT_AUDIENCE ?? (isDevelopment ? DEVELOPMENT_AUDIENCE : undefined);
  if (!name || !audience)
    throw new SettingsError('missing setting: no issuer of tokens; set JWT_ISSUER and JWT_AUDIENCE');
  if (!JWKS_URL && !URL.canParse(name))
    throw new SettingsError('missing setting: no keys of the issuer; set JWT_ISSUER to its URL, or JWKS_URL');
  const keys = createRemoteJWKSet(JWKS_URL ? new URL(JWKS_URL) : metadataUrl(name), {
    cacheMaxAge: CACHED_MS,
    cooldownDuration: REREAD_PAUSE_MS,
    timeoutDuration: PATIENCE_MS,
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
