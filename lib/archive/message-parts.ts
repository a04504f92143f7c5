import { createHash } from 'node:crypto';

import { decodeHeaders, headerInEvent, writeJson } from '../events/json-form.ts';
import type { Properties } from '../events/message.ts';
import type { ArchivedMessage } from './dead-letter.ts';

/**
 * The maximum number of message bytes that are stored in one DynamoDB item. DynamoDB allows 400 KB per item, including
 * keys and attribute names.
 */
const PART_BYTES = 350_000;

/**
 * The number of hexadecimal digits of the hash that `versionOf` returns. The hash is short, because it is part of a
 * numeric sort key and a DynamoDB number has at most 38 decimal digits.
 */
const VERSION_DIGITS = 24;
const MAX_PARTS = 1_000n;

/**
 * Splits a message into chunks that fit into DynamoDB items. The chunks contain the body, followed by the properties as
 * JSON.
 */
export function toParts({ body, properties }: ArchivedMessage): Buffer[] {
  const whole = Buffer.concat([body, Buffer.from(writeProperties(properties))]);
  return Array.from({ length: Math.ceil(whole.length / PART_BYTES) }, (_, index) =>
    whole.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
  );
}

/**
 * Returns a hash of the parts of a stored message. Two copies of a message have the same hash only if their bodies and
 * properties are equal.
 */
export function versionOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, VERSION_DIGITS);
}

/**
 * Returns the sort key of the DynamoDB item with one part of a message. The key contains the hash that `versionOf`
 * returns, so that two processes that store different messages under the same id do not overwrite each other's parts.
 */
export const partNumber = (version: string, index: number): string =>
  String(BigInt(`0x${version}`) * MAX_PARTS + BigInt(index + 1));

export function fromParts(parts: readonly Uint8Array[], bodyBytes: number): ArchivedMessage {
  const whole = Buffer.concat(parts);
  return { body: whole.subarray(0, bodyBytes), properties: readProperties(whole.toString('utf8', bodyBytes)) };
}

/**
 * Converts AMQP properties to JSON. Message headers are written in the notation of the Lambda event, which preserves
 * the types of all values.
 */
export const writeProperties = ({ headers, ...rest }: Properties): string =>
  writeJson({
    ...rest,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerInEvent(value)])),
  });

export function readProperties(json: string): Properties {
  const { headers, ...rest } = JSON.parse(json) as Record<string, unknown>;
  return { ...rest, headers: decodeHeaders(headers) };
}
