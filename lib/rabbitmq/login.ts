import * as z from 'zod';

import { systemClock } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';
import { parseJson } from '../runtime/json.ts';
import { createSecretReader, secretsManager } from '../runtime/secrets.ts';
import { withLogin, type Login } from './address.ts';
import { requireBroker } from './require-broker.ts';

const login = z.object({ username: z.string().min(1), password: z.string().min(1) });

/**
 * Where the broker is and how to log in: `AMQP_URL` as it stands, else `BROKER_ENDPOINT` with the login of
 * `BROKER_SECRET_ARN`, read afresh after a refusal so that a rotated password is found.
 */
export function brokerUrl(config: Config): (refused: boolean) => Promise<string> {
  const { AMQP_URL: url, BROKER_ENDPOINT: endpoint, BROKER_SECRET_ARN: secretArn } = config;
  if (url) return async () => url;
  requireBroker(config);
  const readSecret = createSecretReader(secretsManager(), systemClock);
  return async (refused) => {
    const known = parseLogin(await readSecret(secretArn!, refused), 'BROKER_SECRET_ARN');
    return withLogin(endpoint!, known);
  };
}

/** Reads a secret's text; the error says what is wrong, without a word of the secret itself. */
export function parseLogin(secret: string, name: string): Login {
  try {
    return login.parse(parseJson(secret));
  } catch {
    throw new Error(`the secret of ${name} must be JSON with "username" and "password"`);
  }
}
