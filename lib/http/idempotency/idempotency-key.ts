import { Problem } from '../problem.ts';

const MAX_KEY_LENGTH = 255;

/**
 * The client's Idempotency-Key, bare or as the quoted string of RFC 8941 that the draft asks for: the same key either way
 * (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/). A signed request's webhook-id stands in for
 * it; where both are there they must agree, since the signature is of the webhook-id alone.
 */
export function idempotencyKey({ headers }: { readonly headers: Readonly<Record<string, string>> }): string {
  const header = headers['idempotency-key']?.trim();
  const signedId = headers['webhook-id'];
  if (header === undefined && signedId) return signedId;
  const key = readKey(header);
  if (signedId && key !== signedId)
    throw new Problem('idempotency-key-mismatch', 'Send the webhook-id alone, or both with the same value.');
  return key;
}

function readKey(header: string | undefined): string {
  if (!header)
    throw new Problem('missing-idempotency-key', 'Send a header Idempotency-Key that is new for each new request.');
  const key = header.startsWith('"') ? unquote(header) : header;
  if (key === '') throw new Problem('missing-idempotency-key', 'The Idempotency-Key is empty.');
  if (key === undefined || !/^[\x20-\x7e]*$/.test(key))
    throw new Problem('invalid-idempotency-key', 'The Idempotency-Key must be one string of printable ASCII.');
  if (key.length > MAX_KEY_LENGTH)
    throw new Problem(
      'invalid-idempotency-key',
      `The Idempotency-Key has ${key.length} characters; ${MAX_KEY_LENGTH} are taken at most.`,
    );
  return key;
}

/** What a quoted string holds; `undefined` where it is not one. */
const unquote = (text: string): string | undefined =>
  /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
