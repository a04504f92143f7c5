import { Webhook } from 'standardwebhooks';
import * as z from 'zod';

import type { Clock } from '../clock.ts';
import { describeError } from '../errors.ts';
import { log } from '../log.ts';
import { count } from '../metrics.ts';
import { DEVELOPMENT_SECRET, DEVELOPMENT_STAGE } from './development.ts';

/** Keys of all clients together: each may have to be tried on a request. */
const MAX_KEYS = 50;

/** For how long the last keys are used while the secret cannot be read, in ms. */
const STALE_MS = 60 * 60_000;

/** Between two readings because a signature fitted no key: not one for each forged request. */
const REREAD_PAUSE_MS = 10_000;

/** Standard Webhooks asks for 24 to 64 bytes (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). */
const secret = z.string().regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/);
const clients = z.record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/), z.array(secret).max(10));

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
 * The keys that clients sign with, `{"client": ["whsec_…", …], …}` as `read` gives it; `fresh` asks it to look anew. While
 * it cannot, the last keys stay in use for an hour.
 */
export function createSigningKeys(
  read: (fresh: boolean) => Promise<string>,
  { clock, stage }: { readonly clock: Clock; readonly stage: string },
): SigningKeys {
  let known: { readonly text: string; readonly keys: readonly SigningKey[]; readonly readAtMs: number } | undefined;
  let lookedAtMs = -Infinity;
  let looking: Promise<readonly SigningKey[]> | undefined;

  async function look(fresh: boolean): Promise<readonly SigningKey[]> {
    try {
      const text = await read(fresh);
      const keys = text === known?.text ? known.keys : parseSigningKeys(text, stage);
      known = { text, keys, readAtMs: clock.now() };
    } catch (error) {
      if (!known || clock.now() - known.readAtMs > STALE_MS) throw error;
      count('SigningKeysStale');
      log().warn('the signing keys of before stay in use', { because: describeError(error) });
    }
    return known.keys;
  }

  return {
    current: () => look(false),
    async newerThan(before) {
      if (known && known.keys !== before) return known.keys;
      // Whoever comes while it is looked for shares the answer.
      if (!looking) {
        if (clock.now() - lookedAtMs < REREAD_PAUSE_MS) return undefined;
        lookedAtMs = clock.now();
        looking = look(true).finally(() => (looking = undefined));
      }
      const keys = await looking;
      return keys === before ? undefined : keys;
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
