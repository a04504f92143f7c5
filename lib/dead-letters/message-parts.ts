import type { ArchivedMessage } from './dead-letter.ts';
import { readProperties, writeProperties } from './properties-json.ts';

/** Bytes of a message that one item holds: an item may have 400 KB, names and keys included. */
const PART_BYTES = 350_000;

/** A message cut to what items can hold: its body, then its properties. */
export function toParts({ body, properties }: ArchivedMessage): Buffer[] {
  const whole = Buffer.concat([body, Buffer.from(writeProperties(properties))]);
  return Array.from({ length: Math.ceil(whole.length / PART_BYTES) }, (_, index) =>
    whole.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
  );
}

/** The message that was cut to `parts`. */
export function fromParts(parts: readonly Uint8Array[], bodyBytes: number): ArchivedMessage {
  const whole = Buffer.concat(parts);
  return { body: whole.subarray(0, bodyBytes), properties: readProperties(whole.toString('utf8', bodyBytes)) };
}
