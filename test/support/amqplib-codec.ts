import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

interface Definitions {
  encodeProperties(id: number, channel: number, size: number, fields: object): Buffer;
  decode(id: number, bytes: Buffer): Record<string, unknown>;
}

/** The AMQP codec of amqplib, with which the tests compare Surehop's own codec. */
const definitions = require(join(dirname(require.resolve('amqplib')), 'lib/defs.js')) as Definitions;

const BASIC_PROPERTIES = 60;

export function encodeWithAmqplib(properties: object): Buffer {
  const frame = definitions.encodeProperties(BASIC_PROPERTIES, 1, 0, properties);
  // The frame's header has 7 bytes, class, weight and body size 12, the end one.
  return Buffer.from(frame.subarray(19, -1));
}

export const decodeWithAmqplib = (bytes: Buffer): Record<string, unknown> =>
  definitions.decode(BASIC_PROPERTIES, bytes);
