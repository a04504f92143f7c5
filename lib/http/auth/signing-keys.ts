import { Webhook } from 'standardwebhooks';

import type { Clock } from '../../runtime/clock.ts';
import { log } from '../../runtime/log.ts';
import { recordMetrics } from '../../runtime/metrics.ts';
import { createSecretReader, secretsManager } from '../../runtime/secrets.ts';
import { DEVELOPMENT_STAGE } from '../../runtime/service-settings.ts';
import { SettingsError } from '../../runtime/settings.ts';
import { singleFlight } from '../../runtime/single-flight.ts';
import type { Surehop } from '../../runtime/surehop.ts';
import { errorFields } from '../../runtime/stack.ts';
import { NoAnswerError, within } from '../../runtime/timeout.ts';
import { DEVELOPMENT_CLIENT, DEVELOPMENT_SECRET } from '../development.ts';
import { signingSettings } from './settings.ts';
import { parseSigningSecrets } from './signing-secrets.ts';

/** How long cached signing keys stay in use while the secret cannot be read, in ms. */
const STALE_MS = 60 * 60_000;

/**
 * The minimum time, in ms, between two reads of the secret after failed verifications. Forged requests must not cause
 * many reads.
 */
const REREAD_PAUSE_MS = 10_000;

const READ_TIMEOUT_MS = 3_000;
const FIRST_READ_TIMEOUT_MS = 10_000;

interface Known {
  readonly text: string;
  readonly keys: readonly SigningKey[];
  readonly readAtMs: number;
}

export interface SigningKey {
  readonly client: string;
  readonly webhook: Webhook;
}

export interface SigningKeys {
  current(): Promise<readonly SigningKey[]>;
  /** Returns signing keys that are newer than `known`, or `undefined` if no newer signing keys can be read now. */
  newerThan(known: readonly SigningKey[]): Promise<readonly SigningKey[] | undefined>;
}

/**
 * Creates a cache of the clients' signing keys. `read` returns all keys as the text `{"client": ["whsec_…", …], …}`. If
 * `read` fails, the cached keys are used for up to one hour.
 */
export function createSigningKeys(
  read: (fresh: boolean) => Promise<string>,
  { clock, stage }: { readonly clock: Clock; readonly stage: string },
): SigningKeys {
  let known: Known | undefined;
  let lookedUpAtMs = -Infinity;
  let failedAtMs = -Infinity;
  const lookups = singleFlight<readonly SigningKey[]>(clock);

  async function readKeys(fresh: boolean): Promise<readonly SigningKey[]> {
    const text = await read(fresh);
    const keys = text === known?.text ? known.keys : parseSigningKeys(text, stage);
    known = { text, keys, readAtMs: clock.now() };
    return keys;
  }

  function fallBack(error: unknown): readonly SigningKey[] {
    failedAtMs = clock.now();
    if (!known || clock.now() - known.readAtMs > STALE_MS) throw error;
    recordMetrics({ SigningKeysStale: 1 });
    log().warn('refreshing the signing keys failed; the cached keys stay in use', errorFields(error));
    return known.keys;
  }

  return {
    async current() {
      // After a failed read, requests use the cached keys and do not try another read until the pause is over.
      const isPausing = clock.now() - failedAtMs < REREAD_PAUSE_MS;
      if (known && isPausing && clock.now() - known.readAtMs <= STALE_MS) return known.keys;
      try {
        return await within(known ? READ_TIMEOUT_MS : FIRST_READ_TIMEOUT_MS, readKeys(false));
      } catch (error) {
        return fallBack(error);
      }
    },
    async newerThan(before) {
      if (known && known.keys !== before) return known.keys;
      if (!lookups.isRunning()) {
        if (clock.now() - lookedUpAtMs < REREAD_PAUSE_MS) return undefined;
        lookedUpAtMs = clock.now();
      }
      try {
        const keys = await within(
          READ_TIMEOUT_MS,
          lookups.run(() => readKeys(true), READ_TIMEOUT_MS),
        );
        return keys === before ? undefined : keys;
      } catch (error) {
        // After a timeout, the next request may read the secret again at once. After any other error, requests wait until
        // the pause is over.
        if (error instanceof NoAnswerError) lookedUpAtMs = -Infinity;
        recordMetrics({ SigningKeysStale: 1 });
        log().warn('refreshing the signing keys failed; the cached keys stay in use', errorFields(error));
        return undefined;
      }
    },
  };
}

/** Parses the signing keys in the text of a secret. Error messages never quote these keys. */
export const parseSigningKeys = (text: string, stage: string): SigningKey[] =>
  parseSigningSecrets(text, stage).map(({ client, secret }) => ({ client, webhook: new Webhook(secret) }));

/**
 * Creates the cache of signing keys. The keys come from Secrets Manager or, in the development stage, from
 * `SIGNING_SECRETS`. If the development stage does not set `SIGNING_SECRETS`, only the public development key is
 * accepted.
 */
export const createProcessKeys = (surehop: Surehop): SigningKeys =>
  createSigningKeys(reader(surehop), { clock: surehop.clock, stage: surehop.settings(signingSettings).STAGE });

function reader({ settings, clock }: Surehop): (fresh: boolean) => Promise<string> {
  const { STAGE, SIGNING_SECRETS, SIGNING_SECRETS_ARN: arn } = settings(signingSettings);
  if (arn) {
    const readSecret = createSecretReader(secretsManager(), clock);
    return (fresh) => readSecret(arn, fresh);
  }
  if (STAGE !== DEVELOPMENT_STAGE)
    throw new SettingsError('missing setting: set SIGNING_SECRETS_ARN to the ARN of the secret with the signing keys');
  const text = SIGNING_SECRETS ?? JSON.stringify({ [DEVELOPMENT_CLIENT]: [DEVELOPMENT_SECRET] });
  return async () => text;
}
