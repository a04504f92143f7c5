import * as z from 'zod';

import { systemClock } from '../runtime/clock.ts';
import { parseJson } from '../runtime/json.ts';
import { createSecretReader, secretsManager } from '../runtime/secrets.ts';
import { withLogin, type Login } from './address.ts';
import { requireBroker, type BrokerSettings } from './settings.ts';

const login = z.object({ username: z.string().min(1), password: z.string().min(1) });

/**
 * Returns a function that resolves with the broker's AMQP URI: the setting `AMQP_URL`, or the setting `BROKER_ENDPOINT`
 * with the login in the secret `BROKER_SECRET_ARN`.
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

/** Parses the login in a secret. The error does not contain any part of the secret. */
export function parseLogin(secret: string, name: string): Login {
  try {
    return login.parse(parseJson(secret));
  } catch {
    throw new Error(`the secret named by ${name} must be JSON with "username" and "password"`);
  }
}
