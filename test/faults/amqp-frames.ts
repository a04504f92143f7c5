/**
 * Splits the bytes of an AMQP 0-9-1 connection into frames (https://www.rabbitmq.com/amqp-0-9-1-protocol, section 2.3).
 */
export interface FrameCutter {
  /** Returns all AMQP frames that `chunk` completes. The bytes of an incomplete frame are kept for the next call. */
  push(chunk: Buffer): Buffer[];
}

const HEADER_BYTES = 7;
const FRAME_END_BYTES = 1;
const PROTOCOL_HEADER = Buffer.from('AMQP');

export function createFrameCutter(): FrameCutter {
  let rest: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const frames: Buffer[] = [];
      for (;;) {
        const length = frameLength(rest);
        if (length === undefined || rest.length < length) return frames;
        frames.push(rest.subarray(0, length));
        rest = rest.subarray(length);
      }
    },
  };
}

/**
 * Returns the length of the next AMQP frame, or of the protocol header that precedes the first frame; `undefined` if
 * too few bytes have arrived.
 */
function frameLength(bytes: Buffer): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  if (bytes.subarray(0, PROTOCOL_HEADER.length).equals(PROTOCOL_HEADER)) return 8;
  return HEADER_BYTES + bytes.readUInt32BE(3) + FRAME_END_BYTES;
}

const METHOD_FRAME = 1;
const BASIC_CLASS = 60;
const ACK_METHOD = 80;

/**
 * Whether an AMQP frame is a `basic.ack`. The broker sends this frame to confirm a published message, and a client
 * sends it to acknowledge a delivered message.
 */
export const isAck = (frame: Buffer): boolean =>
  frame.length >= 11 &&
  frame[0] === METHOD_FRAME &&
  frame.readUInt16BE(HEADER_BYTES) === BASIC_CLASS &&
  frame.readUInt16BE(HEADER_BYTES + 2) === ACK_METHOD;
