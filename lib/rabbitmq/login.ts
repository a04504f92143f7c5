import * as z from 'zod';

import { systemClock } from '../runtime/clock.ts';
import { parseJson } from '../runtime/json.ts';
import { createSecretReader, secretsManager } from '../runtime/secrets.ts';
import { withLogin, type Login } from './address.ts';
import { requireBroker, type BrokerSettings } from './settings.ts';

const login = z.object({ username: z.string().min(1), password: z.string().min(1) });

/**
 * Where the broker is and how to log in: `AMQP_URL` as it stands, else `BROKER_ENDPOINT` with the login of
 * `BROKER_SECRET_ARN`, read afresh after a refusal so that a rotated password is found.
 */
export function brokerUrl(
  settings: Pick<BrokerSettings, 'AMQP_URL' | 'BROKER_ENDPOINT' | 'BROKER_SECRET_ARN'>,
): (refused: boolean) => Promise<string> {
  const { AMQP_URL: url, BROKER_ENDPOINT: endpoint, BROKER_SECRET_ARN: secretArn } = settings;
  if (url) return async () => url;
  requireBroker(settings);
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
