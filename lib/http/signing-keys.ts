import { Webhook } from 'standardwebhooks';
import * as z from 'zod';

import type { Clock } from '../clock.ts';
import { describeError } from '../errors.ts';
import { log } from '../log.ts';
import { count } from '../metrics.ts';
import { singleFlight } from '../single-flight.ts';
import { NoAnswerError, within } from '../within.ts';
import { DEVELOPMENT_SECRET, DEVELOPMENT_STAGE } from './development.ts';

/** Keys of all clients together: each may have to be tried on a request. */
const MAX_KEYS = 50;

/** For how long the last keys are used while the secret cannot be read, in ms. */
const STALE_MS = 60 * 60_000;

/** Between two readings because a signature fitted no key: not one for each forged request. */
const REREAD_PAUSE_MS = 10_000;

/** How long a request waits for keys to be read where it has others to go on with, and where it has none, in ms. */
const READ_WITHIN_MS = 3_000;
const FIRST_READ_WITHIN_MS = 10_000;

/** Standard Webhooks asks for 24 to 64 bytes (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). */
const secret = z.string().regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/);
const clients = z.record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/), z.array(secret).max(10));

interface Known {
  readonly text: string;
  readonly keys: readonly SigningKey[];
  readonly readAtMs: number;
}

/** One key of one client. */
export interface SigningKey {
  readonly client: string;
  readonly webhook: Webhook;
}

export interface SigningKeys {
  /** The keys of now, at most as old as `read` lets them be. */
  current(): Promise<readonly SigningKey[]>;
  /** Keys newer than `known`; undefined where it is too early to look again, or nothing has changed. */
  newerThan(known: readonly SigningKey[]): Promise<readonly SigningKey[] | undefined>;
}

/**
 * The keys that clients sign with, `{"client": ["whsec_…", …], …}` as `read` gives it, which never gives an older text after
 * a newer one; `fresh` asks it to look anew. While it cannot, the last keys stay in use for an hour.
 */
export function createSigningKeys(
  read: (fresh: boolean) => Promise<string>,
  { clock, stage }: { readonly clock: Clock; readonly stage: string },
): SigningKeys {
  let known: Known | undefined;
  let lookedAtMs = -Infinity;
  let failedAtMs = -Infinity;
  const lookups = singleFlight<readonly SigningKey[]>(clock);

  async function look(fresh: boolean): Promise<readonly SigningKey[]> {
    const text = await read(fresh);
    const keys = text === known?.text ? known.keys : parseSigningKeys(text, stage);
    known = { text, keys, readAtMs: clock.now() };
    return keys;
  }

  /** The last keys, where they may still be used though the secret could not be read. */
  function fallBack(error: unknown): readonly SigningKey[] {
    failedAtMs = clock.now();
    if (!known || clock.now() - known.readAtMs > STALE_MS) throw error;
    count('SigningKeysStale');
    log().warn('the signing keys of before stay in use', { because: describeError(error) });
    return known.keys;
  }

  return {
    async current() {
      // While the secret cannot be read, not every request waits for it.
      const isPausing = clock.now() - failedAtMs < REREAD_PAUSE_MS;
      if (known && isPausing && clock.now() - known.readAtMs <= STALE_MS) return known.keys;
      try {
        return await within(known ? READ_WITHIN_MS : FIRST_READ_WITHIN_MS, look(false));
      } catch (error) {
        return fallBack(error);
      }
    },
    async newerThan(before) {
      if (known && known.keys !== before) return known.keys;
      if (!lookups.isUnderWay()) {
        if (clock.now() - lookedAtMs < REREAD_PAUSE_MS) return undefined;
        lookedAtMs = clock.now();
      }
      try {
        const keys = await within(
          READ_WITHIN_MS,
          lookups.run(() => look(true), READ_WITHIN_MS),
        );
        return keys === before ? undefined : keys;
      } catch (error) {
        // The pause after a refusal spares the secret store; after a silence, the next request asks again.
        if (error instanceof NoAnswerError) lookedAtMs = -Infinity;
        count('SigningKeysStale');
        log().warn('newer signing keys cannot be read', { because: describeError(error) });
        return undefined;
      }
    },
  };
}

/** Reads the secret's text; the error says what is wrong, without a word of the secret itself. */
export function parseSigningKeys(text: string, stage: string): SigningKey[] {
  const secrets = Object.entries(readClients(text)).flatMap(([client, list]) => list.map((one) => ({ client, one })));
  if (secrets.length > MAX_KEYS) throw new Error(`there are ${secrets.length} signing keys; ${MAX_KEYS} at most`);
  if (new Set(secrets.map(({ one }) => one)).size < secrets.length)
    throw new Error('a signing key is there twice: it must tell whose it is');
  if (stage !== DEVELOPMENT_STAGE && secrets.some(({ one }) => one === DEVELOPMENT_SECRET))
    throw new Error(`the development key is among the signing keys; it is taken in the stage "local" only`);
  return secrets.map(({ client, one }) => ({ client, webhook: new Webhook(one) }));
}

function readClients(text: string): Readonly<Record<string, readonly string[]>> {
  try {
    return clients.parse(JSON.parse(text));
  } catch {
    throw new Error('the signing keys must be JSON like {"client": ["whsec_<24 to 64 bytes in base64>"]}');
  }
}
