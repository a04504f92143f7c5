import { Problem } from '../problem.ts';

const MAX_KEY_LENGTH = 255;

/**
 * Returns the idempotency key of a request from the header `Idempotency-Key` or, in a signed request, from the header
 * `webhook-id`. Throws a `Problem` if both headers are present and differ.
 */
export function idempotencyKey({ headers }: { readonly headers: Readonly<Record<string, string>> }): string {
  const header = headers['idempotency-key']?.trim();
  const signedId = headers['webhook-id'];
  if (header === undefined && signedId) return signedId;
  const key = readKey(header);
  // The signature covers only webhook-id.
  if (signedId && key !== signedId)
    throw new Problem('idempotency-key-mismatch', 'Send only webhook-id, or both headers with the same value.');
  return key;
}

function readKey(header: string | undefined): string {
  if (!header)
    throw new Problem(
      'missing-idempotency-key',
      'Send an Idempotency-Key header with a unique value for each new request.',
    );
  const key = header.startsWith('"') ? unquote(header) : header;
  if (key === '') throw new Problem('missing-idempotency-key', 'The Idempotency-Key is empty.');
  if (key === undefined || !/^[\x20-\x7e]*$/.test(key))
    throw new Problem(
      'invalid-idempotency-key',
      'The Idempotency-Key must be a single string of printable ASCII characters.',
    );
  if (key.length > MAX_KEY_LENGTH)
    throw new Problem(
      'invalid-idempotency-key',
      `The Idempotency-Key has ${key.length} characters; at most ${MAX_KEY_LENGTH} are allowed.`,
    );
  return key;
}

const unquote = (text: string): string | undefined =>
  /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
