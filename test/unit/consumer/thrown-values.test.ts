import { describe, expect, test } from '@jest/globals';

import { emit } from '../../../lib/inbox/decision.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { describeError, RetryAfterError } from '../../../lib/runtime/errors.ts';
import { ownFramesOf, toLoggable, withSourcePositions } from '../../../lib/runtime/stack.ts';
import { problemOf } from '../../../lib/http/problem.ts';
import { testConsumer } from '../../../lib/testing/test-consumer.ts';
import { noted, outcomesOf, queue } from '../../support/notes.ts';

const refuse = (): never => {
  throw new Error('this property getter throws on purpose');
};

const withGetter = (name: string) => Object.defineProperty(new Error('x'), name, { get: refuse });

function circular(): Error {
  const error = new Error('it is its own cause');
  error.stack = 'Error: x\n    at node:net:1:1';
  error.cause = error;
  return error;
}

const hostile: readonly (readonly [string, () => unknown])[] = [
  ['an error that is its own cause', circular],
  ...['name', 'message', 'stack', 'code', 'cause'].map(
    (name) => [`an error whose property "${name}" throws`, () => withGetter(name)] as const,
  ),
  [
    'an error whose message cannot be converted to text',
    () => Object.assign(new Error(), { message: { toString: refuse } }),
  ],
  ['a proxy without a readable prototype', () => new Proxy({}, { getPrototypeOf: refuse, get: refuse, has: refuse })],
  ['a proxy of an error', () => new Proxy(new Error('x'), { get: refuse })],
  ['an object without a prototype', () => Object.create(null)],
  [
    'a RetryAfterError without a readable delay',
    () => {
      const error = new RetryAfterError('LATER', 'later', 1_000);
      return Object.defineProperty(error, 'delayMs', { get: refuse });
    },
  ],
  [
    'an error with a very long code, name and message',
    () => Object.assign(new Error('m'.repeat(1_000_000)), { code: 'c'.repeat(1_000_000), name: 'n'.repeat(1_000_000) }),
  ],
];

const batch = [emit(noted, { isBad: true }), emit(noted, { isBad: false })];

describe.each(hostile)('%s', (_, thrown) => {
  test('the error description of any thrown value has a short code and a short message', async () => {
    const { code, message } = describeError(thrown());
    expect([code.length <= 100, message.length <= 10_000]).toEqual([true, true]);
    expect(JSON.stringify([toLoggable(thrown()), ownFramesOf(thrown())]).length).toBeLessThan(20_000);
    const value = thrown();
    await expect(
      withSourcePositions(() => Promise.reject(value)).catch((error: unknown) => error === value),
    ).resolves.toBe(true);
  });

  test('whatever value an HTTP handler throws, the response is the problem internal-error', () => {
    expect(problemOf(thrown()).problem).toBe('internal-error');
  });

  test('whatever value a decide function throws for a message, only this message fails', async () => {
    const decide = ({ isBad }: { isBad: boolean }) => {
      if (isBad) throw thrown();
      return { effects: [] };
    };
    const results = await testConsumer({ queue, event: noted, decide }).receiveBatch(batch);
    expect(outcomesOf(results)).toEqual(['retry', 'completed']);
  });

  test('whatever value a perform function throws for a message, only this message fails', async () => {
    const perform = async ({ isBad }: { isBad: boolean }) => {
      if (isBad) throw thrown();
    };
    const results = await testConsumer({ queue, event: noted, perform }).receiveBatch(batch);
    expect(outcomesOf(results)).toEqual(['retry', 'completed']);
  });

  test('whatever value the event schema throws for a message, only this message is dead-lettered', async () => {
    const schema = noted.schema.transform((data) => {
      if (data.isBad) throw thrown();
      return data;
    });
    const event = { ...noted, schema } as typeof noted;
    const results = await testConsumer({ queue, event, decide: () => ({ effects: [] }) }).receiveBatch(batch);
    expect(outcomesOf(results)).toEqual(['dead-letter', 'completed']);
    expect(results[0]).toMatchObject({ reason: 'SCHEMA_MISMATCH' });
  });

  test('whatever value the function "identify" throws for a message, only this message is dead-lettered', async () => {
    const consumer = testConsumer({
      queue,
      event: noted,
      decide: () => ({ effects: [] }),
      identify: ({ body }) => {
        if (body.isBad) throw thrown();
        return { id: 'good', type: noted.type };
      },
    });
    expect(await consumer.receiveMessage({ body: { isBad: true } })).toMatchObject({
      outcome: 'dead-letter',
      reason: 'IDENTIFY_FAILED',
    });
    expect(await consumer.receiveMessage({ body: {} })).toMatchObject({ outcome: 'completed' });
  });

  test('whatever value the function "orderBy" throws for a message, only this message fails', async () => {
    const orderBy = ({ isBad }: { isBad: boolean }) => {
      if (isBad) throw thrown();
      return 'key';
    };
    const ordered = workQueue('ordered-notes', { delays: ['1s'], ordered: true });
    const definition = { queue: ordered, event: noted, decide: () => ({ effects: [] }), orderBy };
    expect(outcomesOf(await testConsumer(definition).receiveBatch(batch))).toEqual(['retry', 'completed']);
  });
});
