import * as z from 'zod';

import { parseJson } from '../../runtime/json.ts';
import { DEVELOPMENT_STAGE } from '../../runtime/service-settings.ts';
import { DEVELOPMENT_SECRET } from '../development.ts';

/** At most this many keys of all clients together: each may have to be tried on a request. */
const MAX_KEYS = 50;

/** Standard Webhooks asks for 24 to 64 bytes (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). */
const secret = z.string().regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/);
const clients = z.record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/), z.array(secret).max(10));

/** Reads the text of `SIGNING_SECRETS`, or of the secret that takes its place on AWS; an error repeats nothing of the text. */
export function parseSigningSecrets(text: string, stage: string): { client: string; secret: string }[] {
  const secrets = Object.entries(readClients(text)).flatMap(([client, list]) =>
    list.map((one) => ({ client, secret: one })),
  );
  if (secrets.length > MAX_KEYS)
    throw new Error(`there are ${secrets.length} signing keys, at most ${MAX_KEYS} can be used`);
  if (new Set(secrets.map((one) => one.secret)).size < secrets.length)
    throw new Error('duplicate signing key: each key must identify exactly one client');
  if (stage !== DEVELOPMENT_STAGE && secrets.some((one) => one.secret === DEVELOPMENT_SECRET))
    throw new Error('the development key is among the signing keys: it is accepted in the stage "local" only');
  return secrets;
}

function readClients(text: string): Readonly<Record<string, readonly string[]>> {
  try {
    return clients.parse(parseJson(text));
  } catch {
    throw new Error('the signing keys must be JSON like {"client": ["whsec_<24 to 64 bytes in base64>"]}');
  }
}
