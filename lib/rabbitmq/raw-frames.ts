import type { Duplex } from 'node:stream';

import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';

import { messageIdIn, type PropertyBytes } from './decode-properties.ts';
import { encodePublish } from './encode-message.ts';
import type { Message } from '../events/message.ts';

/** The undecoded properties of a message that was received on a connection with `useRawFrames`. */
export interface RawProperties {
  readonly messageId?: string;
  readonly bytes: PropertyBytes;
}

/** The internal fields of an amqplib connection that amqplib's types do not declare. */
interface Internals {
  rest: Buffer;
  readonly frameMax: number;
  readonly maxFrameSize: number;
  sentSinceLastCheck: boolean;
  readonly channels: readonly ({ readonly buffer: Duplex } | null)[];
  recvFrame(): unknown;
  sendMessage(channel: number, ...rest: unknown[]): unknown;
}

/** The internal fields of an amqplib channel that amqplib's types do not declare. */
interface ChannelInternals {
  readonly ch: number;
  sendMessage(fields: unknown, properties: unknown, content: unknown): unknown;
  pushConfirmCallback(confirm: (error: Error | null) => void): void;
}

const HEADER_FRAME = 2;
const FRAME_HEADER_BYTES = 7;
const FRAME_END = 0xce;
const CONTENT_HEADER_BYTES = 12;
const BASIC_CLASS = 60;

/**
 * Replaces amqplib's encoding and decoding of message properties on a connection, because amqplib fails for some
 * messages and changes others. Throws an error if amqplib's internals are not as expected.
 */
export function useRawFrames(model: ChannelModel): void {
  const connection = model.connection as unknown as Internals;
  const isKnown =
    Buffer.isBuffer(connection.rest) &&
    typeof connection.frameMax === 'number' &&
    typeof connection.maxFrameSize === 'number' &&
    Array.isArray(connection.channels) &&
    typeof connection.recvFrame === 'function' &&
    typeof connection.sendMessage === 'function';
  if (!isKnown) throw unexpected();

  const receive = connection.recvFrame;
  connection.recvFrame = function (this: Internals) {
    return takeContentHeader(this) ?? receive.call(this);
  };
  const send = connection.sendMessage;
  connection.sendMessage = function (this: Internals, channel, ...others) {
    const [, message] = others;
    if (!isMessage(message)) return send.call(this, channel, ...others);
    const pieces = encodePublish(message, channel, this.frameMax);
    this.sentSinceLastCheck = true;
    const { buffer } = this.channels[channel]!;
    return pieces.map((piece) => buffer.write(piece)).at(-1);
  };
}

const isMessage = (fields: unknown): fields is Message =>
  typeof fields === 'object' && fields !== null && 'body' in fields && 'routingKey' in fields;

/**
 * Publishes a message with the flag `mandatory` on a connection with `useRawFrames`. Throws a `PublishError` if AMQP
 * cannot encode the message.
 */
export function publishRaw(channel: ConfirmChannel, message: Message, confirm: (error: Error | null) => void): void {
  const internals = channel as unknown as ChannelInternals;
  internals.sendMessage(message, message, message.body);
  internals.pushConfirmCallback(confirm);
}

/**
 * Throws an error if the internal fields of an amqplib channel differ from those of the amqplib version in
 * package.json.
 */
export function requireRawChannel(channel: Channel): void {
  const { ch, sendMessage, pushConfirmCallback } = channel as unknown as ChannelInternals;
  if (typeof ch !== 'number' || typeof sendMessage !== 'function' || typeof pushConfirmCallback !== 'function')
    throw unexpected();
}

const unexpected = () =>
  new Error(
    'the installed version of amqplib lacks internal fields that lib/rabbitmq/raw-frames.ts uses: install the version that package.json names',
  );

function takeContentHeader(connection: Internals) {
  const { rest, maxFrameSize } = connection;
  if (rest.length < FRAME_HEADER_BYTES || rest[0] !== HEADER_FRAME) return undefined;
  const size = rest.readUInt32BE(3);
  const end = FRAME_HEADER_BYTES + size;
  if (rest.length <= end || rest[end] !== FRAME_END || (maxFrameSize > 0 && size > maxFrameSize)) return undefined;
  const payload = rest.subarray(FRAME_HEADER_BYTES, end);
  if (size < CONTENT_HEADER_BYTES || payload.readUInt16BE(0) !== BASIC_CLASS) return undefined;
  connection.rest = rest.subarray(end + 1);
  const bytes = payload.subarray(CONTENT_HEADER_BYTES);
  const fields: RawProperties = { bytes, messageId: messageIdIn(bytes) };
  return { id: BASIC_CLASS, channel: rest.readUInt16BE(1), size: Number(payload.readBigUInt64BE(4)), fields };
}
