import { parseJson } from '../../runtime/json.ts';
import { DEVELOPMENT_STAGE } from '../../runtime/service-settings.ts';
import { DEVELOPMENT_SECRET } from '../development.ts';

/**
 * The maximum number of signing keys of all clients together. There is a limit because one request may have to be
 * checked against every signing key.
 */
const MAX_KEYS = 50;

/**
 * The format of a signing key. Standard Webhooks requires 24 to 64 bytes
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 */
const SECRET = /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/;
const CLIENT = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const MAX_KEYS_OF_CLIENT = 10;

/**
 * Parses the signing keys in `SIGNING_SECRETS` or, on AWS, in the Secrets Manager secret. Error messages never quote
 * these keys.
 */
export function parseSigningSecrets(text: string, stage: string): { client: string; secret: string }[] {
  const secrets = Object.entries(readClients(text)).flatMap(([client, list]) =>
    list.map((one) => ({ client, secret: one })),
  );
  if (secrets.length > MAX_KEYS)
    throw new Error(`${secrets.length} signing keys are too many: at most ${MAX_KEYS} are allowed`);
  if (new Set(secrets.map((one) => one.secret)).size < secrets.length)
    throw new Error('duplicate signing key: each key must identify exactly one client');
  if (stage !== DEVELOPMENT_STAGE && secrets.some((one) => one.secret === DEVELOPMENT_SECRET))
    throw new Error(`the development key must not be used in the stage ${stage}: remove it from the signing keys`);
  return secrets;
}

function readClients(text: string): Readonly<Record<string, readonly string[]>> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    // The error below says what is wrong, and quotes no part of the text.
  }
  if (isClients(value)) return value;
  throw new Error('the signing keys must be JSON like {"client": ["whsec_<24 to 64 bytes in base64>"]}');
}

// A schema of zod would load zod in every command of surehop-dev.
const isClients = (value: unknown): value is Readonly<Record<string, readonly string[]>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.entries(value).every(([client, keys]) => CLIENT.test(client) && isKeys(keys));

const isKeys = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length <= MAX_KEYS_OF_CLIENT &&
  value.every((key) => typeof key === 'string' && SECRET.test(key));
