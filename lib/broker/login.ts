import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';

import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { createSecretReader } from '../secrets.ts';

const login = z.object({ username: z.string().min(1), password: z.string().min(1) });

/**
 * Where the broker is and how to log in: `AMQP_URL` as it stands, else `BROKER_ENDPOINT` with the login of
 * `BROKER_SECRET_ARN`, read afresh after a refusal so that a rotated password is found.
 */
export function brokerUrl(config: Config): (refused: boolean) => Promise<string> {
  const { AMQP_URL: url, BROKER_ENDPOINT: endpoint, BROKER_SECRET_ARN: secretArn } = config;
  if (url) return async () => url;
  if (!endpoint || !secretArn)
    throw new Error('no broker: set AMQP_URL, or BROKER_ENDPOINT together with BROKER_SECRET_ARN');
  const readSecret = createSecretReader(new SecretsManagerClient({ maxAttempts: 2 }), systemClock);
  return async (refused) => {
    const { username, password } = parseLogin(await readSecret(secretArn, refused));
    const address = new URL(endpoint);
    address.username = encodeURIComponent(username);
    address.password = encodeURIComponent(password);
    return address.href;
  };
}

/** Says what is wrong without a word of the secret itself. */
function parseLogin(secret: string): z.infer<typeof login> {
  try {
    return login.parse(JSON.parse(secret));
  } catch {
    throw new Error('the secret of BROKER_SECRET_ARN must be JSON with "username" and "password"');
  }
}
