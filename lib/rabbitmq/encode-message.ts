import type { Message, Properties } from '../events/message.ts';
import { PublishError } from '../runtime/errors.ts';
import { kindOf } from '../runtime/kind-of.ts';
import { AmqpWriter, FRAME_BYTES, isChangedByUtf8, SHORT_STRING_BYTES, writeBodyFrame } from './amqp-writer.ts';
import { notADate, writeHeaders } from './header-table.ts';
import { describeParts, type UnwritablePart } from './unwritable.ts';

/** The number of bytes in an AMQP frame in addition to the payload of the frame. */
const FRAME_OVERHEAD_BYTES = 8;

/** Returns the parts of a message that AMQP cannot encode, each with the reason. */
export function unwritableParts(message: Message, frameBytes = FRAME_BYTES): UnwritablePart[] {
  const unwritable: UnwritablePart[] = [];
  writeFrames(message, 0, frameBytes, unwritable);
  return unwritable;
}

const ONE_PIECE_BYTES = 65_536;

/**
 * Encodes the AMQP frames that publish a message on a channel. Throws a `PublishError` that names the parts of the
 * message which AMQP cannot encode.
 */
export function encodePublish(message: Message, channel: number, frameBytes: number): Buffer[] {
  const unwritable: UnwritablePart[] = [];
  const end = writeFrames(message, channel, frameBytes, unwritable);
  if (unwritable.length > 0) throw new PublishError('UNWRITABLE', `AMQP cannot encode ${describeParts(unwritable)}`);
  const { body } = message;
  const chunkBytes = frameBytes - FRAME_OVERHEAD_BYTES;
  const first = Math.min(body.length, chunkBytes);
  const isOnePiece = body.length > 0 && first === body.length && first < ONE_PIECE_BYTES;
  const head = Buffer.allocUnsafe(end + (isOnePiece ? first + FRAME_OVERHEAD_BYTES : 0));
  writer.buffer.copy(head, 0, 0, end);
  if (isOnePiece) writeBodyFrame(head, end, channel, body);
  if (isOnePiece || body.length === 0) return [head];
  const pieces = [head];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const chunk = body.subarray(at, at + chunkBytes);
    const frame = Buffer.allocUnsafe(chunk.length + FRAME_OVERHEAD_BYTES);
    writeBodyFrame(frame, 0, channel, chunk);
    pieces.push(frame);
  }
  return pieces;
}

const writer = new AmqpWriter();

const PROPERTY_FLAGS = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  appId: 0x0008,
} as const;

const PERSISTENT = 2;

function writeFrames(message: Message, channel: number, frameBytes: number, unwritable: UnwritablePart[]): number {
  const { exchange, routingKey, body, properties } = message;
  writer.at = 0;
  writer.limit = Number.POSITIVE_INFINITY;
  // basic.publish: class 60, method 40, a reserved short, the address, and the bit `mandatory`.
  const method = writer.beginFrame(1, channel);
  writer.uint32((60 << 16) | 40);
  writer.uint16(0);
  writeShortString(exchange, 'address', 'exchange', unwritable);
  writeShortString(routingKey, 'address', 'routing key', unwritable);
  writer.uint8(1);
  writer.endFrame(method);

  const frame = writer.beginFrame(2, channel);
  writer.uint32(60 << 16);
  writer.uint32(Math.floor(body.length / 2 ** 32));
  writer.uint32(body.length % 2 ** 32);
  const flagsAt = writer.at;
  writer.at += 2;
  let flags: number = PROPERTY_FLAGS.headers | PROPERTY_FLAGS.deliveryMode;
  const short = (name: keyof Properties & keyof typeof PROPERTY_FLAGS) => {
    const value: unknown = properties[name];
    if (value !== undefined && value !== null && writeShortString(value, 'property', name, unwritable))
      flags |= PROPERTY_FLAGS[name];
  };
  short('contentType');
  short('contentEncoding');
  // The headers are followed by at most nine bytes, five short strings, and the byte that ends the frame.
  writer.limit = frame + Math.min(frameBytes, FRAME_BYTES) - 1 - 10 - maxBytesOfShortStrings(properties);
  writeHeaders(writer, properties.headers, (name, reason) => unwritable.push({ part: 'header', name, reason }));
  writer.limit = Number.POSITIVE_INFINITY;
  writer.uint8(PERSISTENT);
  if (writePriority(properties, unwritable)) flags |= PROPERTY_FLAGS.priority;
  short('correlationId');
  short('replyTo');
  short('messageId');
  if (writeTimestamp(properties, unwritable)) flags |= PROPERTY_FLAGS.timestamp;
  short('type');
  short('appId');
  writer.buffer.writeUInt16BE(flags, flagsAt);
  writer.endFrame(frame);
  return writer.at;
}

function maxBytesOfShortStrings({ correlationId, replyTo, messageId, type, appId }: Properties): number {
  let bytes = 0;
  for (const text of [correlationId, replyTo, messageId, type, appId] as unknown[])
    if (typeof text === 'string') bytes += 1 + Math.min(text.length * 3, SHORT_STRING_BYTES);
  return bytes;
}

function writePriority(properties: Properties, unwritable: UnwritablePart[]): boolean {
  const { priority } = properties as { priority?: unknown };
  if (priority === undefined || priority === null) return false;
  if (!Number.isInteger(priority) || (priority as number) < 0 || (priority as number) > 255)
    return leaveOut(unwritable, 'property', 'priority', 'not a whole number from 0 to 255');
  writer.uint8(priority as number);
  return true;
}

function writeTimestamp(properties: Properties, unwritable: UnwritablePart[]): boolean {
  const { timestamp } = properties as { timestamp?: unknown };
  if (timestamp === undefined || timestamp === null) return false;
  if (!Number.isSafeInteger(timestamp)) {
    const reason = typeof timestamp === 'string' ? notADate(timestamp) : 'not a whole number of seconds';
    return leaveOut(unwritable, 'property', 'timestamp', reason);
  }
  writer.int64(BigInt(timestamp as number));
  return true;
}

function writeShortString(
  value: unknown,
  part: UnwritablePart['part'],
  name: string,
  unwritable: UnwritablePart[],
): boolean {
  if (typeof value !== 'string') return leaveOut(unwritable, part, name, `${kindOf(value)} instead of text`);
  const length = Buffer.byteLength(value);
  if (length > SHORT_STRING_BYTES)
    return leaveOut(unwritable, part, name, `${length} bytes are more than ${SHORT_STRING_BYTES}`);
  if (isChangedByUtf8(value, length)) return leaveOut(unwritable, part, name, 'not Unicode text');
  writer.shortString(value);
  return true;
}

function leaveOut(unwritable: UnwritablePart[], part: UnwritablePart['part'], name: string, reason: string): false {
  unwritable.push({ part, name, reason });
  return false;
}
