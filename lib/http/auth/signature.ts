import { isUtf8 } from 'node:buffer';

import { WebhookVerificationError } from 'standardwebhooks';

import type { Access } from './access.ts';
import { Problem } from '../problem.ts';
import type { RequestFacts } from '../request.ts';
import { createProcessKeys, type SigningKey } from './signing-keys.ts';

/**
 * How far, in seconds, the timestamp of a signature may differ from the current time. Standard Webhooks recommends this
 * tolerance.
 */
const TOLERANCE_SECONDS = 5 * 60;
const MAX_SIGNATURES = 10;

interface Signed {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/**
 * The access of a route whose clients sign their requests with a shared key, as described by Standard Webhooks
 * (https://www.standardwebhooks.com).
 */
export const signature: Access = {
  scheme: 'signature',
  verifier(surehop) {
    const signingKeys = surehop.shared(createProcessKeys);
    return async ({ headers }, body = Buffer.alloc(0)) => {
      const signed = readSigned(headers, surehop.clock.now());
      // The library verifies text, and decoding invalid UTF-8 would turn different bytes into the same text.
      if (!isUtf8(body)) throw new Problem('malformed-json', 'The body is not valid UTF-8.');
      const keys = await signingKeys.current();
      const client = signerOf(signed, body, keys);
      if (client !== undefined) return { client };
      // The client may use a key that was added after the last read.
      const newer = await signingKeys.newerThan(keys);
      const found = newer && signerOf(signed, body, newer);
      if (found === undefined)
        throw new Problem('wrong-signature', 'No known key produces this signature for this body.');
      return { client: found };
    };
  },
};

function readSigned(headers: RequestFacts['headers'], nowMs: number): Signed {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    (name) => headers[name],
  );
  if (!id || !timestamp || !signatures)
    throw new Problem('unsigned', 'Send the headers webhook-id, webhook-timestamp and webhook-signature.');
  // A dot separates the parts of the signed text, and a comma could mean that HTTP has joined two headers.
  if (!/^[\x21-\x2b\x2d\x2f-\x7e]{1,255}$/.test(id))
    throw new Problem(
      'malformed-signature',
      'The webhook-id must have 1 to 255 printable ASCII characters without "." and ",".',
    );
  if (!/^[1-9]\d{0,11}$/.test(timestamp))
    throw new Problem('malformed-signature', 'The webhook-timestamp must be a Unix time in whole seconds.');
  const versions = signatures.split(' ');
  const supported = versions.filter((one) => /^v1,[A-Za-z0-9+/]{43}=$/.test(one));
  // An invalid entry could mean that HTTP has joined two headers.
  const areValid = versions.every((one) => /^[a-z0-9]{1,8},[A-Za-z0-9+/=]{1,200}$/.test(one));
  if (!areValid || supported.length === 0 || versions.length > MAX_SIGNATURES)
    throw new Problem(
      'malformed-signature',
      `The webhook-signature must have 1 to ${MAX_SIGNATURES} entries like "v1,<32 bytes in base64>", separated by spaces.`,
    );
  if (Math.abs(nowMs / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS)
    throw new Problem(
      'signature-expired',
      'The webhook-timestamp is more than five minutes off: sign the request again.',
    );
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': supported.join(' ') };
}

function signerOf(signed: Signed, body: Buffer, keys: readonly SigningKey[]): string | undefined {
  const text = body.toString();
  return keys.find(({ webhook }) => isSignedWith(webhook, signed, text))?.client;
}

function isSignedWith(webhook: SigningKey['webhook'], signed: Signed, text: string): boolean {
  try {
    webhook.verify(text, { ...signed }, { jsonParse: false });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}
