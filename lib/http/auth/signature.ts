import { isUtf8 } from 'node:buffer';

import { WebhookVerificationError } from 'standardwebhooks';

import type { Access } from './access.ts';
import { Problem } from '../problem.ts';
import type { RequestFacts } from '../request.ts';
import type { SigningKey } from './signing-keys.ts';
import { createProcessKeys } from './signing-keys-of-process.ts';

/** Both ways, as Standard Webhooks asks for. */
const TOLERANCE_SECONDS = 5 * 60;
const MAX_SIGNATURES = 10;

/** What the three headers say, each in its form. */
interface Signed {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/** For those who sign the body with a key of theirs, as Standard Webhooks has it (https://www.standardwebhooks.com). */
export const signature: Access = {
  scheme: 'signature',
  verifier(surehop) {
    const signingKeys = surehop.shared(createProcessKeys);
    return async ({ headers }, body = Buffer.alloc(0)) => {
      const signed = readSigned(headers, surehop.clock.now());
      // The library signs text: bytes that are none would be taken for others that look alike.
      if (!isUtf8(body)) throw new Problem('malformed-json', 'The body is not valid UTF-8.');
      const keys = await signingKeys.current();
      const client = signerOf(signed, body, keys);
      if (client !== undefined) return { client };
      // A key may be newer than what was read.
      const newer = await signingKeys.newerThan(keys);
      const found = newer && signerOf(signed, body, newer);
      if (found === undefined) throw new Problem('wrong-signature', 'No known key makes this signature for this body.');
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
  // The dot ends an id within what is signed, the comma one header of two that were joined.
  if (!/^[\x21-\x2b\x2d\x2f-\x7e]{1,255}$/.test(id))
    throw new Problem(
      'malformed-signature',
      'The webhook-id must be 1 to 255 printable ASCII characters but "." and ",".',
    );
  if (!/^[1-9]\d{0,11}$/.test(timestamp))
    throw new Problem('malformed-signature', 'The webhook-timestamp must be whole seconds since 1970.');
  const versions = signatures.split(' ');
  const ofOurs = versions.filter((one) => /^v1,[A-Za-z0-9+/]{43}=$/.test(one));
  // One that is none may be the seam of two headers that were joined.
  const areAll = versions.every((one) => /^[a-z0-9]{1,8},[A-Za-z0-9+/=]{1,200}$/.test(one));
  if (!areAll || ofOurs.length === 0 || versions.length > MAX_SIGNATURES)
    throw new Problem(
      'malformed-signature',
      `The webhook-signature must be up to ${MAX_SIGNATURES} like "v1,<32 bytes in base64>", with spaces between.`,
    );
  if (Math.abs(nowMs / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS)
    throw new Problem('signature-expired', 'The webhook-timestamp is more than five minutes from now: sign anew.');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': ofOurs.join(' ') };
}

/** The client whose key made one of the signatures. */
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
