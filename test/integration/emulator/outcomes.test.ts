import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHarness, handlerOf, until } from './harness.ts';
import type { Harness } from './harness.ts';

// A handler that fails in the given way at the first delivery and succeeds at the redelivery.
const failingOnce = (how: string) => handlerOf(`say(ids); if (redelivered) return; ${how}`);

describe('the outcome of an emulated invocation', () => {
  let harness: Harness;
  beforeAll(async () => (harness = await createHarness()));
  afterAll(() => harness.close());

  test.each([
    ['an error', 'error', 'throw new TypeError("no loans");', /^TypeError: no loans$/],
    ['a thrown string', 'error', 'throw "no loans";', /^Error: no loans$/],
    [
      'an unanswered promise',
      'timeout',
      'await new Promise(() => setInterval(() => {}, 1000));',
      /timed out after 1000 ms/,
    ],
    ['an endless loop', 'timeout', 'for (;;);', /timed out after 1000 ms/],
    ['an exit', 'crash', 'process.exit(0);', /exit code 0/],
    [
      'running out of memory',
      'crash',
      'const kept = []; for (;;) kept.push(new Array(100_000).fill(Math.random()));',
      /signal SIGABRT|exit code 134/,
    ],
    ['an unhandled rejection', 'crash', 'Promise.reject(new Error("forgotten")); await sleep(60_000);', /exit code 1/],
    [
      'an uncaught exception',
      'crash',
      'setTimeout(() => { throw new Error("late"); }); await sleep(60_000);',
      /exit code 1/,
    ],
  ])(
    'if an emulated function fails with %s, the whole batch is returned to the queue and redelivered',
    async (_name, outcome, how, error) => {
      const queue = await harness.declareQueue();
      await harness.publish(queue, ['a', 'b', 'c']);
      const timeoutMs = outcome === 'timeout' ? 1_000 : 60_000;
      const source = await harness.run(queue, failingOnce(how), { batchSize: 3, timeoutMs, memoryMb: 64 });
      await until('the batch is invoked twice', () => source.reports.length === 2);
      await source.stop();
      expect(source.reports).toMatchObject([
        { outcome, records: 3, error: { message: expect.stringMatching(error) } },
        { outcome: 'success', records: 3 },
      ]);
      const [first, second] = source.said<string[]>().filter(Array.isArray);
      expect(second!.toSorted()).toEqual(first!.toSorted());
      expect(await harness.takeAll(queue)).toBe(0);
    },
  );

  test.each([
    ['a module that does not load', 'throw new Error("no configuration");', /no configuration/],
    ['a module without the handler', 'export const other = 1;', /no function named "handler"/],
  ])('if an emulated function has %s, its batch is returned to the queue', async (_name, module, error) => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a']);
    const source = await harness.run(queue, module);
    await until('the batch is invoked', () => source.reports.length >= 2);
    await source.stop();
    expect(source.reports[0]).toMatchObject({ outcome: 'error', error: { message: expect.stringMatching(error) } });
    expect(await harness.takeAll(queue)).toBe(1);
  });

  test('a successful invocation acknowledges the whole batch, whatever value the function returns', async () => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a', 'b']);
    const source = await harness.run(queue, handlerOf('return { batchItemFailures: [], failed: 1 };'), {
      batchSize: 2,
    });
    await until('the batch is invoked', () => source.reports.length === 1);
    await source.stop();
    expect(source.reports).toMatchObject([{ outcome: 'success', records: 2 }]);
    expect(source.warnings).toEqual([]);
    expect(await harness.takeAll(queue)).toBe(0);
  });

  test('if an emulated function returns batchItemFailures, the emulator warns that Amazon MQ ignores batchItemFailures, and acknowledges the whole batch', async () => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a', 'b', 'c']);
    const failures = 'return { batchItemFailures: [{ itemIdentifier: "b" }] };';
    const source = await harness.run(queue, handlerOf(failures), { batchSize: 3 });
    await until('the batch is invoked', () => source.reports.length === 1);
    await source.stop();
    expect(source.warnings).toEqual([expect.stringMatching(/batchItemFailures for 1 message.*IGNORES.*LOST/)]);
    expect(source.reports).toMatchObject([{ outcome: 'success', records: 3 }]);
    expect(await harness.takeAll(queue)).toBe(0);
  });

  // RabbitMQ 4.3 and later count a reject as a failed delivery but not a nack. Earlier versions count both.
  test.each(['nack', 'reject'] as const)(
    'if the setting onError is "%s", the emulator returns a failed batch to its queue with the AMQP method of this name',
    async (onError) => {
      const queue = await harness.declareQueue();
      await harness.publish(queue, ['a']);
      const sayHeaders = 'say(messages[0].basicProperties.headers); if (!redelivered) throw new Error("again");';
      const source = await harness.run(queue, handlerOf(sayHeaders), { onError });
      await until('the batch is invoked twice', () => source.reports.length === 2);
      await source.stop();
      const [major, minor] = harness.version.split('.').map(Number) as [number, number];
      const nackCounts = major < 4 || (major === 4 && minor < 3);
      const [, returned] = source.said<Record<string, number>>().filter((said) => !('errorType' in said));
      expect(returned!['x-delivery-count']).toBe(onError === 'reject' || nackCounts ? 1 : undefined);
    },
  );

  test('while a function keeps failing, the emulator waits longer before each further invocation', async () => {
    const queue = await harness.declareQueue();
    await harness.publish(queue, ['a']);
    const source = await harness.run(queue, handlerOf('throw new Error("again");'), { batchingWindowMs: 1 });
    await until('the batch is invoked five times', () => source.reports.length === 5);
    await source.stop();
    const [first, second, , fourth, fifth] = source.reports.map(({ atMs }) => atMs) as [
      number,
      number,
      number,
      number,
      number,
    ];
    expect(fifth - fourth).toBeGreaterThan(2 * (second - first));
    expect(await harness.takeAll(queue)).toBe(1);
  });
});
