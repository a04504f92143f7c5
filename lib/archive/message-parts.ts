import { decodeHeaders, headerInEvent, writeJson } from '../events/json-form.ts';
import type { Properties } from '../events/message.ts';
import type { ArchivedMessage } from './dead-letter.ts';

/**
 * The largest number of message bytes that are stored in one DynamoDB item. DynamoDB allows 400 KB per item, including
 * keys and attribute names.
 */
const PART_BYTES = 350_000;

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
