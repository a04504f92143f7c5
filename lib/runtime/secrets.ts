import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { requestLimits } from './timeout.ts';
import type { Clock } from './clock.ts';
import { singleFlight, type SingleFlight } from './single-flight.ts';

/** How long a secret is cached, in ms. */
const CACHED_MS = 5 * 60_000;

/** How long one request to Secrets Manager may take, in ms. */
const REQUEST_MS = 2_000;

const MAX_ATTEMPTS = 2;

/**
 * How long reading a secret may take in total, in ms. The time is enough for two requests and the pause between them.
 */
const READ_WITHIN_MS = 5_000;

/** Creates a client of Secrets Manager that spends at most five seconds on each call. */
export const secretsManager = (): SecretsManagerClient =>
  new SecretsManagerClient({ maxAttempts: MAX_ATTEMPTS, requestHandler: requestLimits(REQUEST_MS) });

/**
 * Reads a secret from Secrets Manager or from the cache. `fresh` skips the cache, for example after the broker refused a
 * login.
 */
export type ReadSecret = (secretArn: string, fresh?: boolean) => Promise<string>;

interface CachedSecret {
  readonly value: string;
  readonly readAtMs: number;
}

export function createSecretReader(client: SecretsManagerClient, clock: Clock): ReadSecret {
  const cache = new Map<string, CachedSecret>();
  const flights = new Map<string, SingleFlight<CachedSecret>>();

  async function read(secretArn: string): Promise<CachedSecret> {
    const readAtMs = clock.now();
    const { SecretString: value } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    if (value === undefined) throw new Error(`the secret ${secretArn} has no text: store it as SecretString`);
    const newest = cache.get(secretArn);
    // A late response must not replace a newer one.
    if (newest && newest.readAtMs > readAtMs) return newest;
    const secret = { value, readAtMs };
    cache.set(secretArn, secret);
    return secret;
  }

  return async (secretArn, fresh = false) => {
    const cached = cache.get(secretArn);
    if (cached && !fresh && clock.now() - cached.readAtMs < CACHED_MS) return cached.value;
    const flight = flights.get(secretArn) ?? singleFlight<CachedSecret>(clock);
    flights.set(secretArn, flight);
    return (await flight.run(() => read(secretArn), READ_WITHIN_MS)).value;
  };
}
