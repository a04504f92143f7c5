import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import type { ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import { defineTable } from '../../../lib/dynamodb/tables.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { emit, reject, type Decision } from '../../../lib/inbox/decision.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { PermanentError, RetryAfterError } from '../../../lib/runtime/errors.ts';
import { crashAfterEachStep } from '../../../lib/testing/crash.ts';
import { testConsumer } from '../../../lib/testing/test-consumer.ts';

const carts = defineTable({
  name: 'carts',
  key: { cartId: 'S' },
  item: z.object({
    status: z.enum(['open', 'paid']),
    total: z.int().default(0),
    lines: z.array(z.string()).optional(),
  }),
});
const schema = z.object({ cartId: z.string(), total: z.int() });
const cartPaid = defineEvent({ type: 'cart.paid', version: 1, exchange: 'shop', schema });
const cartClosed = defineEvent({ type: 'cart.closed', version: 2, exchange: 'shop', schema });
const queue = workQueue('payments', { delays: ['1s', '1m'] });

const pay = ({ cartId, total }: z.infer<typeof schema>): Decision => ({
  effects: [carts.set({ cartId }, { status: 'paid', total }, { when: { status: { equals: 'open' } } })],
  events: [emit(cartClosed, { cartId, total })],
  otherwise: reject('NOT_OPEN'),
});
const payments = { queue, event: cartPaid, decide: pay } satisfies ConsumerDefinition<any>;

const a = { cartId: 'a' };
const paid = { cartId: 'a', total: 3 };

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('no error was thrown');
};

describe('an in-memory consumer', () => {
  test('the result of a completed message contains its effects, its events and its settlement', async () => {
    const consumer = testConsumer(payments).given(carts, a, { status: 'open' });
    const received = await consumer.receive(cartPaid, paid);
    received.expect({
      outcome: 'completed',
      effects: [carts.set(a, { status: 'paid', total: 3 }, { when: { status: { equals: 'open' } } })],
      events: [emit(cartClosed, paid)],
      settlement: 'acknowledged',
    });
    expect(received).toMatchObject({ id: 'cart.paid#1', attempt: 1, outcome: 'completed' });
    expect(received.events).toEqual([{ id: expect.any(String), type: 'cart.closed', version: 2, data: paid }]);
    expect(consumer.item(carts, a)).toEqual({ cartId: 'a', status: 'paid', total: 3 });
    expect(consumer.items(carts)).toHaveLength(1);
    consumer.expectItem(carts, a, { status: 'paid', total: 3 });
    consumer.expectItem(carts, { cartId: 'b' }, undefined);
  });

  test('if a condition of the effects fails, the message is rejected with the reason in the property "otherwise" of the decision', async () => {
    const consumer = testConsumer(payments).given(carts, a, { status: 'paid' });
    const received = await consumer.receive(cartPaid, paid);
    received.expect({ outcome: 'rejected', reason: 'NOT_OPEN', effects: [], events: [], settlement: 'acknowledged' });
    expect(consumer.history.join('\n')).toContain("carts { cartId: 'a' }: status is 'paid', but must equal 'open'");
  });

  test('a redelivered message is a duplicate and changes nothing', async () => {
    const consumer = testConsumer(payments).given(carts, a, { status: 'open' });
    const received = await consumer.receive(cartPaid, paid);
    (await consumer.redeliver(received)).expect({ outcome: 'duplicate', effects: [], settlement: 'acknowledged' });
    (await consumer.receive(cartPaid, paid, { id: received.id })).expect({ outcome: 'duplicate', effects: [] });
    (await consumer.receive(cartPaid, { ...paid, total: 4 }, { id: received.id })).expect({
      outcome: 'dead-letter',
      reason: 'PAYLOAD_MISMATCH',
    });
  });

  test('a failing message is retried after each delay of the queue and is then dead-lettered', async () => {
    const consumer = testConsumer({
      ...payments,
      decide: () => {
        throw new TypeError('no cart');
      },
    });
    let received = await consumer.receive(cartPaid, paid);
    received.expect({ outcome: 'retry', settlement: 'delayed by 1s' });
    expect(received.error).toBe('no cart');
    received = await consumer.retry(received);
    received.expect({ outcome: 'retry', settlement: 'delayed by 1m' });
    received = await consumer.retry(received);
    received.expect({ outcome: 'dead-letter', reason: 'ATTEMPTS_EXHAUSTED', settlement: 'dead-lettered' });
    expect(received).toMatchObject({ attempt: 3, error: expect.stringContaining('no cart') });
    await expect(consumer.retry(received)).rejects.toThrow(
      'the message cart.paid#1 does not wait for a retry: its outcome is dead-letter, and its settlement is dead-lettered',
    );
  });

  test('a business rule can decide when its message is retried and whether it is dead-lettered', async () => {
    const consumer = testConsumer({
      queue,
      event: cartPaid,
      async perform({ total }) {
        if (total === 0) throw new PermanentError('FREE', 'nothing to pay');
        throw new RetryAfterError('BUSY', 'the bank is busy', 30_000);
      },
    });
    (await consumer.receive(cartPaid, paid)).expect({ outcome: 'retry', reason: 'BUSY', settlement: 'delayed by 1m' });
    (await consumer.receive(cartPaid, { ...paid, total: 0 })).expect({ outcome: 'dead-letter', reason: 'FREE' });
  });

  test('one failing message of a batch does not affect the other messages', async () => {
    const consumer = testConsumer(payments).given(carts, a, { status: 'open' });
    const received = await consumer.receiveBatch([
      emit(cartPaid, { cartId: 'a' } as never),
      emit(cartPaid, paid),
      emit(cartPaid, paid),
    ]);
    expect(received.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['dead-letter', 'SCHEMA_MISMATCH'],
      ['completed', undefined],
      ['rejected', 'NOT_OPEN'],
    ]);
  });

  test('a message whose business rule exceeds its time limit is retried, and the abort signal of the business rule is aborted', async () => {
    let signal: AbortSignal | undefined;
    const consumer = testConsumer({
      queue,
      event: cartPaid,
      async perform(_, context) {
        ({ signal } = context);
      },
    });
    const received = await consumer.receive(cartPaid, paid, { runsOutOfTime: 'rule' });
    received.expect({ outcome: 'retry', reason: 'TIME_LIMIT', effects: [], settlement: 'delayed by 1s' });
    expect(signal?.aborted).toBe(true);
  });

  test('a message returns to the queue without using an attempt if the invocation has no time left', async () => {
    const consumer = testConsumer(payments).given(carts, a, { status: 'open' });
    const received = await consumer.receive(cartPaid, paid, { runsOutOfTime: 'invocation' });
    received.expect({ outcome: 'unfinished', reason: 'TIME_LIMIT', effects: [], settlement: 'returned' });
    (await consumer.redeliver(received)).expect({ outcome: 'completed' });
  });

  test('a message that is older than the maximum age of its consumer is dead-lettered', async () => {
    const consumer = testConsumer({ ...payments, maxAge: '1h' }).given(carts, a, { status: 'open' });
    const old = await consumer.receive(cartPaid, paid, { age: '2h' });
    old.expect({ outcome: 'dead-letter', reason: 'TOO_OLD', effects: [] });
    (await consumer.receive(cartPaid, paid, { age: '59m' })).expect({ outcome: 'completed' });
    await expect(consumer.receive(cartPaid, paid, { age: 'old' })).rejects.toThrow(
      'the age "old" must be a duration such as "10m" or "25h"',
    );
  });

  test('the identify function of the consumer determines the id and the type of a message from a producer that does not use Surehop', async () => {
    const consumer = testConsumer({
      ...payments,
      identify: ({ headers, body }) => ({ id: `cart ${body.cartId}`, type: headers['x-type'] }),
    }).given(carts, a, { status: 'open' });
    const message = { body: paid, headers: { 'x-type': 'cart.paid' } };
    const received = await consumer.receiveMessage(message);
    received.expect({ outcome: 'completed' });
    expect(received.id).toBe('cart a');
    (await consumer.receiveMessage(message)).expect({ outcome: 'duplicate' });
    (await consumer.receiveMessage({ body: '{', messageId: 'm' })).expect({
      outcome: 'dead-letter',
      reason: 'MALFORMED',
    });
  });

  test('a business rule reads the items that the test has stored', async () => {
    const consumer = testConsumer({
      queue,
      event: cartPaid,
      async decide({ cartId }, { read }) {
        const cart = await read(carts, { cartId });
        return { effects: [carts.append({ cartId }, { lines: [`${cart?.status} ${cart?.total}`] })] };
      },
    }).given(carts, a, { status: 'open' });
    (await consumer.receive(cartPaid, paid)).expect({ outcome: 'completed' });
    consumer.expectItem(carts, a, { status: 'open', lines: ['open 0'] });
  });

  test('testConsumer refuses a handler that was not created by the function consumer', () => {
    expect(() => testConsumer((() => {}) as never)).toThrow(
      'this is not a consumer: pass the handler that the function "consumer" returned, or the definition of a consumer',
    );
  });
});

describe('the errors of an in-memory consumer', () => {
  test('if a message is not as expected, the error shows each difference in outcome, effects, events and settlement, and lists the steps that happened', async () => {
    const consumer = testConsumer(payments).given(carts, a, { status: 'paid', total: 7 });
    const received = await consumer.receive(cartPaid, paid);
    const text = messageOf(() =>
      received.expect({
        outcome: 'completed',
        effects: [carts.set(a, { status: 'paid' })],
        events: [emit(cartClosed, paid)],
        settlement: 'delayed by 1s',
      }),
    );
    expect(text).toBe(
      [
        'the message cart.paid#1 is not as expected:',
        '  - expected the outcome completed, but it was rejected (NOT_OPEN)',
        "  - expected the effect, but it is missing: set { status: 'paid' } of carts { cartId: 'a' }",
        "  - expected the event, but it is missing: cart.closed { cartId: 'a', total: 3 }",
        '  - expected the message to be delayed by 1s, but it was acknowledged',
        '',
        'What happened:',
        "  1. given: put { status: 'paid', total: 7 } as carts { cartId: 'a' }",
        '  2. deliver cart.paid#1',
        '  3. run the rule for cart.paid#1 (attempt 1)',
        "       completed; set { status: 'paid', total: 3 } of carts { cartId: 'a' }, when { status: { equals: 'open' } }; publish cart.closed { cartId: 'a', total: 3 }; otherwise rejected (NOT_OPEN)",
        '  4. commit cart.paid#1',
        "       a condition of cart.paid#1 fails: carts { cartId: 'a' }: status is 'paid', but must equal 'open'",
        '       cart.paid#1 is rejected (NOT_OPEN)',
        '  5. record the progress of the queue',
      ].join('\n'),
    );
  });

  test('if the business rule throws an error for a message, the failed expectation shows this error with its file and line', async () => {
    const consumer = testConsumer({
      ...payments,
      decide: () => {
        throw new TypeError('no cart');
      },
    });
    const received = await consumer.receive(cartPaid, paid);
    const text = messageOf(() => received.expect({ outcome: 'completed' }));
    expect(text).toContain('expected the outcome completed, but it was retry (UNKNOWN_ERROR): no cart');
    expect(text).toMatch(/the rule throws TypeError: no cart \(.*test-consumer\.test\.ts:\d+:\d+\)/);
    expect(text).toContain('publish a copy of cart.paid#1 that waits for 1s');
  });

  test('if an item is not as expected, the error of expectItem contains the expected and the actual item', async () => {
    const consumer = testConsumer(payments).given(carts, a, { status: 'open' });
    await consumer.receive(cartPaid, paid);
    expect(messageOf(() => consumer.expectItem(carts, a, { status: 'open', total: 0 }))).toContain(
      "the item carts { cartId: 'a' } is not as expected:\n  - expected { status: 'open', total: 0 }, but it is { status: 'paid', total: 3 }",
    );
    expect(messageOf(() => consumer.expectItem(carts, a, undefined))).toContain(
      "expected no item, but it is { status: 'paid', total: 3 }",
    );
  });

  test('the stack trace of an unmet expectation starts in the test', async () => {
    const consumer = testConsumer(payments);
    const received = await consumer.receive(cartPaid, paid);
    try {
      received.expect({ outcome: 'completed' });
    } catch (error) {
      const frame = (error as Error).stack!.split('\n').find((line) => line.startsWith('    at '));
      expect(frame).toContain('test-consumer.test.ts');
    }
    expect.assertions(1);
  });

  test('the method "given" of a test consumer refuses an item that does not match the schema of its table', () => {
    expect(() => testConsumer(payments).given(carts, a, { status: 'lost' as never })).toThrow(
      'put on the item {"cartId":"a"} of the table carts: the attribute status does not match the schema',
    );
  });
});

describe('crashes of an in-memory consumer', () => {
  test('crashAfterEachStep accepts a consumer with a decide function, and crashes it after each step', async () => {
    let runs = 0;
    await crashAfterEachStep(payments, async (consumer) => {
      runs += 1;
      consumer.given(carts, a, { status: 'open' });
      const received = await consumer.receive(cartPaid, paid);
      received.expect({ outcome: 'completed', events: [emit(cartClosed, paid)], settlement: 'acknowledged' });
      consumer.expectItem(carts, a, { status: 'paid', total: 3 });
    });
    expect(runs).toBe(5);
  });

  test('crashAfterEachStep accepts a scenario in which a message is retried', async () => {
    let runs = 0;
    await crashAfterEachStep(
      {
        ...payments,
        decide: (event, { attempt }) => {
          if (attempt === 1) throw new Error('not this time');
          return pay(event);
        },
      },
      async (consumer) => {
        runs += 1;
        consumer.given(carts, a, { status: 'open' });
        const received = await consumer.receive(cartPaid, paid);
        received.expect({ outcome: 'retry', effects: [], settlement: 'delayed by 1s' });
        (await consumer.retry(received)).expect({ outcome: 'completed', events: [emit(cartClosed, paid)] });
        consumer.expectItem(carts, a, { status: 'paid', total: 3 });
      },
    );
    expect(runs).toBeGreaterThan(5);
  });

  test('crashAfterEachStep reports no failure for a perform function that passes the message id to another system as the idempotency key', async () => {
    let calls = new Set<string>();
    const performing: ConsumerDefinition<any> = {
      queue,
      event: cartPaid,
      async perform(event, { id }) {
        calls.add(id);
        return pay(event);
      },
    };
    let runs = 0;
    await crashAfterEachStep(performing, async (consumer) => {
      runs += 1;
      calls = new Set();
      consumer.given(carts, a, { status: 'open' });
      const received = await consumer.receive(cartPaid, paid);
      received.expect({ outcome: 'completed', events: [emit(cartClosed, paid)], settlement: 'acknowledged' });
      consumer.expectItem(carts, a, { status: 'paid', total: 3 });
      expect(calls.size).toBe(1);
    });
    expect(runs).toBe(6);
  });

  test('crashAfterEachStep reports no failure if a message on an ordered queue waits for an earlier message with the same key', async () => {
    const ordered: ConsumerDefinition<any> = {
      queue: workQueue('payments', { ordered: true }),
      orderBy: ({ cartId }) => cartId,
      event: cartPaid,
      decide: ({ total }, { attempt }) => {
        if (total === 1 && attempt === 1) throw new Error('not this time');
        return { effects: [carts.append(a, { lines: [`${total}`] })] };
      },
    };
    await crashAfterEachStep(ordered, async (consumer) => {
      consumer.given(carts, a, { status: 'open' });
      const [first, second] = await consumer.receiveBatch([
        emit(cartPaid, { cartId: 'a', total: 1 }),
        emit(cartPaid, { cartId: 'a', total: 2 }),
      ]);
      first!.expect({ outcome: 'retry' });
      second!.expect({ outcome: 'postponed', reason: 'BLOCKED_BY_KEY' });
      (await consumer.retry(first!)).expect({ outcome: 'completed' });
      (await consumer.retry(second!)).expect({ outcome: 'completed' });
      consumer.expectItem(carts, a, { status: 'open', lines: ['1', '2'] });
    });
  });

  test('crashAfterEachStep refuses a scenario that delivers no message', async () => {
    await expect(crashAfterEachStep(payments, () => {})).rejects.toThrow(
      'the scenario delivers no message, so there is no step after which the process can crash: deliver a message',
    );
  });

  test('crashAfterEachStep reports a failure if a perform function calls another system again after a crash, and names the step before the crash', async () => {
    let calls = 0;
    const performing: ConsumerDefinition<any> = {
      queue,
      event: cartPaid,
      async perform() {
        calls += 1;
      },
    };
    await expect(
      crashAfterEachStep(performing, async (consumer) => {
        calls = 0;
        (await consumer.receive(cartPaid, paid)).expect({ outcome: 'completed' });
        if (calls !== 1) throw new Error(`expected one call of the bank, but there were ${calls}`);
      }),
    ).rejects.toThrow(
      'the scenario fails if the process crashes after the step "run the rule for cart.paid#1 (attempt 1)": expected one call of the bank, but there were 2',
    );
  });
});
