import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eventJson, toRecord } from '../../infra/local/event-source/event.ts';
import type { DeliveredMessage, EventRecord } from '../../infra/local/event-source/event.ts';
import { toHeaderValue } from '../../infra/local/event-source/header-value.ts';

interface Frozen {
  eventSourceArn: string;
  rmqMessagesByQueue: Record<string, EventRecord[]>;
}

function frozen(name: string): Frozen {
  return JSON.parse(readFileSync(new URL(`./events/${name}.json`, import.meta.url), 'utf8')) as Frozen;
}

// The text is compared, and with it the order of the keys.
function emulated(event: Frozen, messages: DeliveredMessage[]): string {
  const [queue, virtualHost] = Object.keys(event.rmqMessagesByQueue)[0]!.split('::') as [string, string];
  const records = messages.map((message) => JSON.stringify(toRecord(message)));
  return eventJson({ eventSourceArn: event.eventSourceArn, queue, virtualHost }, records);
}

const noon = Date.UTC(2026, 10, 22, 12, 0, 5) / 1000;
const amqpTimestamp = { '!': 'timestamp', value: noon };

describe('the event of the emulated event source', () => {
  test("equals AWS's documented sample", () => {
    const sample = frozen('documented-sample');
    const record = sample.rmqMessagesByQueue['test::/']![0]!;
    const content = Buffer.from(record.data, 'base64');
    // The sample's bodySize is that of another body.
    record.basicProperties.bodySize = content.length;
    const message: DeliveredMessage = {
      content,
      fields: { redelivered: false },
      properties: {
        contentType: 'text/plain',
        headers: { header1: 'value1', header2: 'value2', numberInHeader: 10 },
        deliveryMode: 1,
        priority: 34,
        expiration: '60000',
        timestamp: 33 * 60 + 41,
        userId: 'AIDACKCEVSQ6C2EXAMPLE',
      },
    };
    expect(emulated(sample, [message])).toBe(JSON.stringify(sample));
  });

  test('holds null for what a message lacks, and the virtual host in the key', () => {
    const messages: DeliveredMessage[] = [
      { content: Buffer.from('Hello World 1'), fields: { redelivered: true }, properties: { deliveryMode: 2 } },
      {
        content: Buffer.alloc(0),
        fields: { redelivered: false },
        properties: { headers: {}, priority: 0, timestamp: 0 },
      },
    ];
    const event = frozen('bare-messages');
    expect(emulated(event, messages)).toBe(JSON.stringify(event));
  });

  test('holds every property, and headers of every type nested', () => {
    const message: DeliveredMessage = {
      content: Buffer.from('{}'),
      fields: { redelivered: false },
      properties: {
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        headers: {
          ascii: 'stock',
          utf8: 'é€',
          empty: '',
          integer: 42,
          negative: -7,
          large: 1_784_541_234_567,
          fraction: 0.25,
          yes: true,
          no: false,
          nothing: null,
          binary: Buffer.from([0, 127, 128, 255]),
          at: amqpTimestamp,
          price: { '!': 'decimal', value: { places: 2, digits: 1234 } },
          'x-death': [
            { count: 2, reason: 'expired', queue: 'retry.1s', time: amqpTimestamp, 'routing-keys': ['stock'] },
          ],
          table: { inner: { deep: 'x' } },
          list: [1, 'a', [true]],
        },
        deliveryMode: 2,
        priority: 5,
        correlationId: 'correlation-1',
        replyTo: 'replies',
        expiration: '3600000',
        messageId: 'message-1',
        timestamp: noon,
        type: 'order.created',
        userId: 'guest',
        appId: 'shop',
        clusterId: 'cluster-1',
      },
    };
    const event = frozen('every-property');
    expect(emulated(event, [message])).toBe(JSON.stringify(event));
  });

  test('keeps every string header readable, byte by signed byte', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { bytes } = toHeaderValue(text) as { bytes: number[] };
        expect(bytes.every((byte) => byte >= -128 && byte <= 127)).toBe(true);
        expect(Buffer.from(bytes.map((byte) => byte & 0xff)).toString('utf8')).toBe(text);
      }),
    );
  });

  test('holds null for a timestamp that no date can hold', () => {
    const message = { content: Buffer.alloc(0), fields: { redelivered: false }, properties: { timestamp: 2 ** 60 } };
    expect(toRecord(message).basicProperties.timestamp).toBeNull();
  });
});
