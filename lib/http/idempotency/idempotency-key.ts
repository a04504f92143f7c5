import { Problem } from '../problem.ts';

const MAX_KEY_LENGTH = 255;

/**
 * The request's idempotency key. The header may be bare or a quoted string, which is the form of the draft
 * (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/). Without the header, the webhook-id of a signed
 * request is the key. If both are present they must be equal, because the signature covers only the webhook-id.
 */
export function idempotencyKey({ headers }: { readonly headers: Readonly<Record<string, string>> }): string {
  const header = headers['idempotency-key']?.trim();
  const signedId = headers['webhook-id'];
  if (header === undefined && signedId) return signedId;
  const key = readKey(header);
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

/** The content of a quoted string, or `undefined` if the text is not one. */
const unquote = (text: string): string | undefined =>
  /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
