import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { connect, type ConsumeMessage } from 'amqplib';

import { conformanceCases, type BatchCase, type EventCase } from '../../infra/emulator/conformance/cases.ts';
import { runConformanceCase, type Mapping } from '../../infra/emulator/conformance/run.ts';
import { EventSourcePlugin } from '../../infra/emulator/plugin.ts';
import type { Serverless } from '../../infra/emulator/service.ts';
import { createHarness, type Harness } from '../integration/emulator/harness.ts';

let harness: Harness;
let amqpUrl: string;
beforeAll(async () => {
  harness = await createHarness();
  const url = new URL(harness.url);
  url.pathname = `/${encodeURIComponent(harness.virtualHost)}`;
  amqpUrl = url.href;
  // The plugin prints what its functions print.
  jest.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await harness.close();
});

/** Starts the event source plugin of this repository in the same way as serverless-offline starts it. */
async function startPlugin(mapping: Mapping) {
  const serverless: Serverless = {
    serviceDir: '/',
    classes: { Error },
    service: {
      service: 'conformance',
      provider: {},
      custom: { rabbitmqEventSource: { url: mapping.amqpUrl } },
      functions: {
        tested: {
          name: 'tested',
          handler: mapping.handlerFile.replace(/\.mjs$/, '.handler'),
          timeout: mapping.timeoutSeconds,
          memorySize: 256,
          events: [
            {
              rabbitmq: {
                arn: mapping.eventSourceArn,
                queue: mapping.queue,
                virtualHost: mapping.virtualHost,
                batchSize: mapping.batchSize,
                maximumBatchingWindow: mapping.maximumBatchingWindowInSeconds,
              },
            },
          ],
        },
      },
    },
  };
  const { hooks } = new EventSourcePlugin(serverless, {}, { log: { notice() {}, warning() {}, error() {} } });
  await hooks['before:offline:start:init']();
  hooks['before:offline:start:ready']();
  return { stop: () => hooks['before:offline:start:end']() };
}

describe('the emulator passes the conformance suite', () => {
  test.each(conformanceCases.map((one) => [one.title, one] as const))(
    '%s',
    async (_, one) => {
      await expect(runConformanceCase(one, { amqpUrl, start: startPlugin })).resolves.toBeUndefined();
    },
    120_000,
  );
});

/** The mistakes that the small emulator in this file makes on purpose. The conformance suite must report them. */
interface Differences {
  readonly acknowledgesFailedBatches?: boolean;
  readonly returnsItemFailures?: boolean;
  readonly writesHeadersAsText?: boolean;
}

const inBytes = (value: unknown) =>
  typeof value === 'string' ? { bytes: [...Int8Array.from(Buffer.from(value))] } : value;

/** Starts an emulator that invokes the function in this process, with one message per batch. */
const smallEmulator =
  ({ acknowledgesFailedBatches, returnsItemFailures, writesHeadersAsText }: Differences) =>
  async ({ amqpUrl: url, queue, virtualHost, eventSourceArn, handlerFile }: Mapping) => {
    const { handler } = (await import(handlerFile)) as { handler(event: unknown): Promise<unknown> };
    const connection = await connect(url);
    const channel = await connection.createChannel();
    await channel.prefetch(1);
    const recordOf = ({ content, fields, properties }: ConsumeMessage) => {
      const headers = Object.entries(properties.headers ?? {});
      return {
        basicProperties: {
          ...Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, (value as unknown) ?? null])),
          headers: Object.fromEntries(
            headers.map(([name, value]) => [name, writesHeadersAsText ? value : inBytes(value)]),
          ),
          bodySize: content.length,
        },
        redelivered: fields.redelivered,
        data: content.toString('base64'),
      };
    };
    let current = Promise.resolve();
    await channel.consume(queue, (message) => {
      current = current.then(async () => {
        const rmqMessagesByQueue = { [`${queue}::${virtualHost}`]: [recordOf(message!)] };
        const event = { eventSource: 'aws:rmq', eventSourceArn, rmqMessagesByQueue };
        const { result, hasFailed } = await handler(event).then(
          (result) => ({ result: result as { batchItemFailures?: unknown } | null, hasFailed: false }),
          () => ({ result: null, hasFailed: true }),
        );
        const isReturned =
          (hasFailed && !acknowledgesFailedBatches) || (returnsItemFailures && result?.batchItemFailures !== undefined);
        if (isReturned) channel.nack(message!, false, true);
        else channel.ack(message!);
      });
    });
    return {
      async stop() {
        await current;
        await channel.close();
        await connection.close();
      },
    };
  };

describe('the conformance suite reports an emulator that differs from Amazon MQ', () => {
  const AMAZON_MQ = {};
  const throwing: BatchCase = {
    title: 'a function that fails once gets its message again',
    sources: [],
    messages: [{ body: Buffer.from('a') }],
    answers: [{ fail: 'throw' }],
    batches: [
      { bodies: ['a'], redelivered: false },
      { bodies: ['a'], redelivered: true },
    ],
  };
  const returning: BatchCase = {
    title: 'batchItemFailures are ignored',
    sources: [],
    messages: [{ body: Buffer.from('a') }],
    answers: [{ return: { batchItemFailures: [{ itemIdentifier: 'a' }] } }],
    batches: [{ bodies: ['a'], redelivered: false }],
  };
  const withHeader: EventCase = {
    title: 'string headers are arrays of bytes',
    sources: [],
    messages: [{ body: Buffer.from('a'), properties: { persistent: true, headers: { text: 'é' } } }],
    basicProperties: { deliveryMode: 2, headers: { text: { bytes: [-61, -87] } } },
  };

  test.each([
    ['acknowledges the batch of a function that fails', throwing, { acknowledgesFailedBatches: true }],
    ['returns the messages in batchItemFailures to their queue', returning, { returnsItemFailures: true }],
    ['writes string headers as text', withHeader, { writesHeadersAsText: true }],
  ])('the conformance suite reports an emulator that %s', async (_, one, differences) => {
    const limits = { amqpUrl, timeLimitMs: 30_000 };
    await runConformanceCase(one, { ...limits, start: smallEmulator(AMAZON_MQ) });
    const differing = runConformanceCase(one, { ...limits, timeLimitMs: 2_000, start: smallEmulator(differences) });
    await expect(differing).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
  });
});

test('every case of the emulator conformance suite has its own title and cites at least one web page as its source', () => {
  expect(new Set(conformanceCases.map(({ title }) => title)).size).toBe(conformanceCases.length);
  for (const { title, sources } of conformanceCases) {
    expect([title, sources.length > 0]).toEqual([title, true]);
    for (const { document } of sources) expect(document).toMatch(/^https:\/\//);
  }
});
