import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import type { Clock } from './clock.ts';

/** For how long a secret is used before it is read again, in ms. */
const CACHED_MS = 5 * 60_000;

/** Reads secrets from Secrets Manager, cached with a bound. `fresh` skips the cache: for a login that was just refused. */
export type ReadSecret = (secretArn: string, fresh?: boolean) => Promise<string>;

export function createSecretReader(client: SecretsManagerClient, clock: Clock): ReadSecret {
  const cache = new Map<string, { value: string; readAtMs: number }>();
  return async (secretArn, fresh = false) => {
    const cached = cache.get(secretArn);
    if (cached && !fresh && clock.now() - cached.readAtMs < CACHED_MS) return cached.value;
    const { SecretString: value } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    if (value === undefined) throw new Error(`the secret ${secretArn} holds no text`);
    cache.set(secretArn, { value, readAtMs: clock.now() });
    return value;
  };
}
