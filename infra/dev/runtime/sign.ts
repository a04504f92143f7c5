import { Webhook } from 'standardwebhooks';
import { DEVELOPMENT_SECRET, DEVELOPMENT_STAGE, parseSigningSecrets } from 'surehop/development';

/**
 * Returns the HTTP headers of a signed request. `key` is the idempotency key: to repeat a request, sign it again with
 * the same key, so that the service recognises the repetition.
 */
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

/**
 * Returns the first key of the setting SIGNING_SECRETS, with which requests are signed. Returns undefined if SIGNING_SECRETS is not
 * set; requests are then signed with the development key.
 */
export function signingSecret({ SIGNING_SECRETS }: NodeJS.ProcessEnv): string | undefined {
  return SIGNING_SECRETS ? parseSigningSecrets(SIGNING_SECRETS, DEVELOPMENT_STAGE)[0]?.secret : undefined;
}
