import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { requestLimits } from './aws-timeouts.ts';
import type { Clock } from './clock.ts';
import { singleFlight, type SingleFlight } from './single-flight.ts';

/** For how long a secret is used before it is read again, in ms. */
const CACHED_MS = 5 * 60_000;

/** How long one request to Secrets Manager may take, in ms. */
const REQUEST_MS = 2_000;

const MAX_ATTEMPTS = 2;

/** How long one reading may take, in ms: two requests and the pause between them. */
const READ_WITHIN_MS = 5_000;

/** A client of Secrets Manager whose every call ends within five seconds. */
export const secretsManager = (): SecretsManagerClient =>
  new SecretsManagerClient({ maxAttempts: MAX_ATTEMPTS, requestHandler: requestLimits(REQUEST_MS) });

/** Reads secrets from Secrets Manager, cached with a bound. `fresh` skips the cache: for a login that was just refused. */
export type ReadSecret = (secretArn: string, fresh?: boolean) => Promise<string>;

interface Reading {
  readonly value: string;
  readonly beganAtMs: number;
}

export function createSecretReader(client: SecretsManagerClient, clock: Clock): ReadSecret {
  const cache = new Map<string, Reading>();
  const flights = new Map<string, SingleFlight<Reading>>();

  async function read(secretArn: string): Promise<Reading> {
    const beganAtMs = clock.now();
    const { SecretString: value } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    if (value === undefined) throw new Error(`the secret ${secretArn} holds no text`);
    const newest = cache.get(secretArn);
    // A late answer must not replace a newer one.
    if (newest && newest.beganAtMs > beganAtMs) return newest;
    const reading = { value, beganAtMs };
    cache.set(secretArn, reading);
    return reading;
  }

  return async (secretArn, fresh = false) => {
    const cached = cache.get(secretArn);
    if (cached && !fresh && clock.now() - cached.beganAtMs < CACHED_MS) return cached.value;
    const flight = flights.get(secretArn) ?? singleFlight<Reading>(clock);
    flights.set(secretArn, flight);
    return (await flight.run(() => read(secretArn), READ_WITHIN_MS)).value;
  };
}
