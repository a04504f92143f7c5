/**
 * The largest frame, in bytes, that RabbitMQ accepts by default. All properties of a message must fit into one frame.
 */
export const FRAME_BYTES = 131_072;

const FRAME_HEADER_BYTES = 7;

const FRAME_END = 0xce;

export const SHORT_STRING_BYTES = 255;

/** Thrown for a value that AMQP cannot encode. The error message gives the reason. */
export class UnwritableError extends Error {}

/** Thrown for a value that does not fit into the remaining space of the AMQP frame. */
export const TOO_LARGE = new UnwritableError(
  `too large: all properties of a message together must fit into one AMQP frame (at most ${FRAME_BYTES} bytes)`,
);

const quoted = (name: string) => JSON.stringify(name.slice(0, 40));

const LONE_SURROGATE = /\p{Surrogate}/u;

export const isChangedByUtf8 = (text: string, utf8Bytes: number): boolean =>
  utf8Bytes !== text.length && LONE_SURROGATE.test(text);

/**
 * Returns the byte that stands for an AMQP field type, such as `S` for a long string
 * (https://www.rabbitmq.com/amqp-0-9-1-errata, section 3).
 */
export const tagOf = (letter: string): number => letter.charCodeAt(0);

export class AmqpWriter {
  readonly buffer = Buffer.allocUnsafeSlow(FRAME_BYTES + 4_096);
  at = 0;
  limit = Number.POSITIVE_INFINITY;

  need(bytes: number): void {
    if (this.at + bytes > this.limit) throw TOO_LARGE;
  }

  uint8(value: number): void {
    this.buffer[this.at++] = value;
  }

  uint16(value: number): void {
    this.at = this.buffer.writeUInt16BE(value, this.at);
  }

  uint32(value: number): void {
    this.at = this.buffer.writeUInt32BE(value >>> 0, this.at);
  }

  int64(value: bigint): void {
    this.at = this.buffer.writeBigUInt64BE(BigInt.asUintN(64, value), this.at);
  }

  shortString(text: string): void {
    const length = this.buffer.write(text, this.at + 1);
    this.buffer[this.at] = length;
    this.at += 1 + length;
  }

  name(name: string): void {
    const length = Buffer.byteLength(name);
    if (length > SHORT_STRING_BYTES)
      throw new UnwritableError(
        `the name ${quoted(name)} in the headers has ${length} bytes, but AMQP allows at most ${SHORT_STRING_BYTES}`,
      );
    if (isChangedByUtf8(name, length))
      throw new UnwritableError(`the name ${quoted(name)} in the headers is not Unicode text`);
    this.need(1 + length);
    this.shortString(name);
  }

  longString(text: string): void {
    // A UTF-16 code unit needs at most three bytes of UTF-8, so most texts fit without being measured.
    this.need(5 + (this.at + 5 + text.length * 3 <= this.limit ? 0 : Buffer.byteLength(text)));
    this.buffer[this.at] = tagOf('S');
    const length = this.buffer.write(text, this.at + 5);
    this.buffer.writeUInt32BE(length, this.at + 1);
    this.at += 5 + length;
  }

  bytes(tag: 'S' | 'x', bytes: Buffer): void {
    this.need(5 + bytes.length);
    this.buffer[this.at] = tagOf(tag);
    this.buffer.writeUInt32BE(bytes.length, this.at + 1);
    bytes.copy(this.buffer, this.at + 5);
    this.at += 5 + bytes.length;
  }

  /** Writes a number as the smallest AMQP integer type that can represent it, or as a double. */
  number(value: number): void {
    if (!Number.isFinite(value)) throw new UnwritableError(`the number ${value}`);
    this.need(9);
    const [tag, write] = numberType(value);
    this.uint8(tagOf(tag));
    write(this, value);
  }

  beginLength(): number {
    const start = this.at;
    this.at += 4;
    return start;
  }

  endLength(start: number): void {
    this.buffer.writeUInt32BE(this.at - start - 4, start);
  }

  beginFrame(type: number, channel: number): number {
    const start = this.at;
    this.uint8(type);
    this.uint16(channel);
    this.at += 4;
    return start;
  }

  endFrame(start: number): void {
    this.buffer.writeUInt32BE(this.at - start - FRAME_HEADER_BYTES, start + 3);
    this.uint8(FRAME_END);
  }
}

/** Writes a body frame with the content `chunk` into `target`, starting at position `at`. */
export function writeBodyFrame(target: Buffer, at: number, channel: number, chunk: Buffer): void {
  target[at] = 3;
  target.writeUInt16BE(channel, at + 1);
  target.writeUInt32BE(chunk.length, at + 3);
  chunk.copy(target, at + FRAME_HEADER_BYTES);
  target[at + FRAME_HEADER_BYTES + chunk.length] = FRAME_END;
}

type NumberType = readonly [tag: string, write: (writer: AmqpWriter, value: number) => void];

const DOUBLE: NumberType = ['d', (writer, value) => (writer.at = writer.buffer.writeDoubleBE(value, writer.at))];
const INT8: NumberType = ['b', (writer, value) => (writer.at = writer.buffer.writeInt8(value, writer.at))];
const INT16: NumberType = ['s', (writer, value) => (writer.at = writer.buffer.writeInt16BE(value, writer.at))];
const INT32: NumberType = ['I', (writer, value) => (writer.at = writer.buffer.writeInt32BE(value, writer.at))];
const INT64: NumberType = ['l', (writer, value) => writer.int64(BigInt(value))];

function numberType(value: number): NumberType {
  if (!Number.isInteger(value) || Object.is(value, -0) || value < -(2 ** 63) || value >= 2 ** 63) return DOUBLE;
  if (value >= -0x80 && value < 0x80) return INT8;
  if (value >= -0x8000 && value < 0x8000) return INT16;
  if (value >= -0x80000000 && value < 0x80000000) return INT32;
  return INT64;
}
