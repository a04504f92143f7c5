import { Webhook } from 'standardwebhooks';
import { DEVELOPMENT_SECRET, DEVELOPMENT_STAGE, parseSigningSecrets } from 'surehop/development';

/** Returns the HTTP headers of a signed request. `key` is the idempotency key; use the same key to repeat a request. */
export function signedHeaders(
  body: string,
  { key, secret = DEVELOPMENT_SECRET, at = new Date() }: { key: string; secret?: string; at?: Date },
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'webhook-id': key,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign(key, at, body),
  };
}

/** Returns the first key of the setting SIGNING_SECRETS, or undefined if this setting is not set. */
export function signingSecret({ SIGNING_SECRETS }: NodeJS.ProcessEnv): string | undefined {
  return SIGNING_SECRETS ? parseSigningSecrets(SIGNING_SECRETS, DEVELOPMENT_STAGE)[0]?.secret : undefined;
}
