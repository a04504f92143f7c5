import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Channel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createHarness, handlerOf, until } from './harness.ts';
import type { Harness } from './harness.ts';
import { decodeHeaders } from '../../../lib/events/json-form.ts';

interface AnyRecord {
  readonly basicProperties: { clusterId: unknown; readonly headers: object };
}

const hourMs = 3_600_000;
const sayIds = handlerOf('say(ids);');
const saySizes = handlerOf('say(messages.map((message) => message.basicProperties.bodySize));');

describe('the batches of an emulated event source', () => {
  let harness: Harness;
  beforeAll(async () => (harness = await createHarness()));
  afterAll(() => harness.close());

  test('for a message with every AMQP property, the emulator creates exactly the event in test/contract/events/every-property.json', async () => {
    const frozen = JSON.parse(
      readFileSync(new URL('../../contract/events/every-property.json', import.meta.url), 'utf8'),
    ) as { rmqMessagesByQueue: Record<string, [AnyRecord]> };
    const [[record]] = Object.values(frozen.rmqMessagesByQueue) as [[AnyRecord]];
    const { ascii } = decodeHeaders(record.basicProperties.headers);
    // amqplib cannot publish a message with a cluster id.
    record.basicProperties.clusterId = null;
    const timestamp = Date.UTC(2026, 10, 22, 12, 0, 5) / 1000;
    const at = { '!': 'timestamp', value: timestamp };
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['{}'], {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {
        ascii,
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
        at,
        price: { '!': 'decimal', value: { places: 2, digits: 1234 } },
        'x-death': [{ count: 2, reason: 'expired', queue: 'retry.1s', time: at, 'routing-keys': [ascii] }],
        table: { inner: { deep: 'x' } },
        list: [1, 'a', [true]],
      },
      priority: 5,
      correlationId: 'correlation-1',
      replyTo: 'replies',
      expiration: '3600000',
      messageId: 'message-1',
      timestamp,
      type: 'order.created',
      userId: 'guest',
      appId: 'shop',
    });
    const source = await harness.run(
      queue,
      `export const handler = async (event) => console.log(JSON.stringify(event));`,
    );
    await until('the batch is invoked', () => source.reports.length === 1);
    await source.stop();
    expect(source.said()).toEqual([
      {
        eventSource: 'aws:rmq',
        eventSourceArn: 'arn:aws:mq:us-east-1:000000000000:broker:shop:b-1',
        rmqMessagesByQueue: { [`${queue}::${harness.virtualHost}`]: [record] },
      },
    ]);
  });

  test('the emulated event source invokes the function as soon as a batch is full, even before the batching window has passed', async () => {
    const queue = await harness.declareQueue();
    const source = await harness.run(queue, sayIds, { batchSize: 3, batchingWindowMs: hourMs });
    await harness.publish(queue, ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    await until('two batches are invoked', () => source.reports.length === 2);
    await source.stop();
    expect(source.said()).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
    expect(await harness.takeAll(queue)).toBe(1);
  });

  test('the emulated event source invokes the function with a smaller batch when the batching window has passed', async () => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a', 'b']);
    const source = await harness.run(queue, sayIds, { batchSize: 10_000, batchingWindowMs: 300 });
    await until('a batch is invoked', () => source.reports.length === 1);
    await source.stop();
    expect(source.said()).toEqual([['a', 'b']]);
    expect(await harness.takeAll(queue)).toBe(0);
  });

  test('the emulated event source limits a batch to 6 MB, and drops a single message above 6 MB with a warning', async () => {
    const queue = await harness.declareQueue();
    const megabytes = (size: number) => Buffer.alloc(size * 1024 * 1024, 'x');
    await harness.publish(queue, [2, 2, 2, 5, 2, 2].map(megabytes), { messageId: 'large' });
    const source = await harness.run(queue, saySizes, { batchSize: 6, batchingWindowMs: hourMs });
    await until('two batches are invoked', () => source.reports.length === 2);
    await source.stop();
    const two = 2 * 1024 * 1024;
    expect(source.said()).toEqual([
      [two, two],
      [two, two],
    ]);
    expect(source.warnings).toEqual([expect.stringMatching(/^Message large of queue .* more than the 6 MB .* LOST/)]);
    expect(await harness.takeAll(queue)).toBe(1);
  });

  test('the emulated event source invokes the function with one batch at a time, always in the same process', async () => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a', 'b', 'c', 'd']);
    const source = await harness.run(
      queue,
      handlerOf(`say({ at: 'start', pid: process.pid }); await sleep(50); say({ at: 'end', pid: process.pid });`),
      { batchSize: 1 },
    );
    await until('four batches are invoked', () => source.reports.length === 4);
    await source.stop();
    const said = source.said<{ at: string; pid: number }>();
    expect(said.map(({ at }) => at)).toEqual(['start', 'end', 'start', 'end', 'start', 'end', 'start', 'end']);
    expect(new Set(said.map(({ pid }) => pid)).size).toBe(1);
  });

  test('several environments of an emulated function process batches of a queue at the same time', async () => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a', 'b', 'c']);
    const gate = await harness.writeModule('');
    const source = await harness.run(
      queue,
      `import { existsSync } from 'node:fs';
       ${handlerOf(`say(ids); while (!existsSync(${JSON.stringify(`${gate}.open`)})) await sleep(20);`)}`,
      { batchSize: 1, concurrency: 3 },
    );
    await until('a batch in each environment', () => source.said().length === 3);
    expect(source.reports).toEqual([]);
    writeFileSync(`${gate}.open`, '');
    await until('the reports', () => source.reports.length === 3);
    expect(source.reports.map(({ environment }) => environment).toSorted()).toEqual(['1 of 3', '2 of 3', '3 of 3']);
    await source.stop();
    expect(await harness.takeAll(queue)).toBe(0);
  });

  test.each([1, 3])(
    'with %i execution environments, the emulated event source sends one ack per batch, and no acknowledged message returns to the queue after the event source has stopped',
    async (concurrency) => {
      // The event source is in this process, and its channels have the same class as the channel of the harness.
      const { prototype } = (Object.getPrototypeOf(harness.channel) as { constructor: { prototype: object } })
        .constructor;
      const acknowledge = jest.spyOn(Object.getPrototypeOf(prototype) as Channel, 'ack');
      const queue = await harness.declareQueue();
      await harness.publish(
        queue,
        Array.from({ length: 300 }, (_, number) => String(number)),
      );
      const source = await harness.run(queue, sayIds, { batchSize: 100, concurrency });
      await until('all messages', () => source.said<string[]>().flat().length >= 300);
      await source.stop();
      expect(await harness.takeAll(queue)).toBe(0);
      expect(source.said<string[]>().flat().toSorted()).toEqual(
        Array.from({ length: 300 }, (_, number) => String(number)).toSorted(),
      );
      expect(acknowledge).toHaveBeenCalledTimes(source.reports.length);
      acknowledge.mockRestore();
    },
  );

  test('an emulated function receives a Lambda context, and does not inherit environment variables such as PATH and AMQP_URL', async () => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a']);
    const source = await harness.run(
      queue,
      handlerOf('say({ ...context, left: context.getRemainingTimeInMillis(), variables: Object.keys(process.env) });'),
    );
    await until('the batch is invoked', () => source.reports.length === 1);
    await source.stop();
    const [context] = source.said<{ left: number; awsRequestId: string; variables: string[] }>();
    expect(context).toMatchObject({ functionName: 'tested', memoryLimitInMB: '128', functionVersion: '$LATEST' });
    expect(context!.awsRequestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(context!.left).toBeGreaterThan(0);
    expect(context!.left).toBeLessThanOrEqual(10_000);
    expect(context!.variables).toContain('AWS_LAMBDA_FUNCTION_NAME');
    expect(context!.variables).not.toContain('PATH');
    expect(context!.variables).not.toContain('AMQP_URL');
  });

  test('an emulated function has a home directory even if the environment variable HOME is not set', async () => {
    const { HOME } = process.env;
    delete process.env.HOME;
    try {
      const queue = await harness.declareQueue();
      await harness.publish(queue, ['a']);
      const source = await harness.run(queue, handlerOf('say(process.env.HOME);'));
      await until('the batch is invoked', () => source.reports.length === 1);
      await source.stop();
      expect(source.said()).toEqual([tmpdir()]);
    } finally {
      process.env.HOME = HOME;
    }
  });
});
