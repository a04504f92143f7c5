import { Webhook } from 'standardwebhooks';

import type { Clock } from '../../runtime/clock.ts';
import { describeError } from '../../runtime/errors.ts';
import { log } from '../../runtime/log.ts';
import { count } from '../../runtime/metrics.ts';
import { singleFlight } from '../../runtime/single-flight.ts';
import { NoAnswerError, within } from '../../runtime/timeout.ts';
import { parseSigningSecrets } from './signing-secrets.ts';

/** For how long the last keys are used while the secret cannot be read, in ms. */
const STALE_MS = 60 * 60_000;

/** Between two readings because a signature fitted no key: not one for each forged request. */
const REREAD_PAUSE_MS = 10_000;

/** How long a request waits for keys to be read where it has others to go on with, and where it has none, in ms. */
const READ_WITHIN_MS = 3_000;
const FIRST_READ_WITHIN_MS = 10_000;

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
      if (!lookups.isRunning()) {
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

/** The keys in a secret's text; an error repeats nothing of the text. */
export const parseSigningKeys = (text: string, stage: string): SigningKey[] =>
  parseSigningSecrets(text, stage).map(({ client, secret }) => ({ client, webhook: new Webhook(secret) }));
