import { connect, type ConfirmChannel } from 'amqplib';

import type { PropertyBytes } from '../../lib/rabbitmq/decode-properties.ts';

/**
 * Publishes messages whose AMQP properties are given as bytes, so that tests can send properties that no AMQP client
 * library can encode.
 */
export interface RawPublisher {
  /** Publishes one message and returns whether the broker confirmed it. */
  publish(exchange: string, routingKey: string, properties: PropertyBytes, body: Buffer): Promise<boolean>;
  close(): Promise<void>;
}

const short = (text: string) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const start = Buffer.alloc(7, type);
  start.writeUInt16BE(channel, 1);
  start.writeUInt32BE(payload.length, 3);
  return Buffer.concat([start, payload, Buffer.from([0xce])]);
}

interface Internals {
  readonly ch: number;
  readonly connection: { readonly channels: readonly ({ readonly buffer: NodeJS.WritableStream } | null)[] };
  pushConfirmCallback(confirm: (error: Error | null) => void): void;
}

export async function aRawPublisher(amqpUrl: string): Promise<RawPublisher> {
  let opened: Promise<{ channel: ConfirmChannel; close(): Promise<void> }> | undefined;

  async function open() {
    const connection = await connect(amqpUrl, { noDelay: true });
    const channel = await connection.createConfirmChannel();
    for (const emitter of [connection, channel]) emitter.on('error', () => (opened = undefined));
    return { channel, close: () => connection.close().catch(() => {}) };
  }

  return {
    async publish(exchange, routingKey, properties, body) {
      const { channel, close } = await (opened ??= open());
      const internals = channel as unknown as Internals;
      const { ch, connection } = internals;
      const size = Buffer.alloc(12);
      size.writeUInt16BE(60);
      size.writeBigUInt64BE(BigInt(body.length), 4);
      const method = Buffer.concat([
        Buffer.from([0, 60, 0, 40, 0, 0]),
        short(exchange),
        short(routingKey),
        Buffer.from([0]),
      ]);
      const frames = [frame(1, ch, method), frame(2, ch, Buffer.concat([size, properties]))];
      if (body.length > 0) frames.push(frame(3, ch, body));
      const isTaken = await new Promise<boolean>((resolve) => {
        connection.channels[ch]!.buffer.write(Buffer.concat(frames) as never);
        internals.pushConfirmCallback((error) => resolve(!error));
      });
      if (!isTaken) {
        opened = undefined;
        await close();
      }
      return isTaken;
    },
    async close() {
      await (await opened)?.close();
    },
  };
}
