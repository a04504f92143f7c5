import { randomUUID } from 'node:crypto';

import { describe, expect, jest, test } from '@jest/globals';
import * as z from 'zod';

import type { ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import type { Decide, Perform, RuleContext } from '../../../lib/message/rule.ts';
import { defineTable } from '../../../lib/dynamodb/tables.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { emit, reject } from '../../../lib/inbox/decision.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { PermanentError } from '../../../lib/runtime/errors.ts';
import { Counterexample, exhaust, type ExhaustOptions } from '../../../lib/testing/exhaust.ts';

// The tests in this file run thousands of histories, and other tests may run at the same time.
jest.setTimeout(300_000);

const seats = defineTable({
  name: 'seats',
  key: { show: 'S' },
  item: z.object({ free: z.int(), note: z.string().optional() }),
});
const bookings = defineTable({ name: 'bookings', key: { bookingId: 'S' } });
const schema = z.object({ bookingId: z.string(), count: z.int() });
type Booking = z.infer<typeof schema>;
const booked = defineEvent({ type: 'seats.booked', version: 1, exchange: 'theatre', schema });
const confirmed = defineEvent({ type: 'booking.confirmed', version: 1, exchange: 'theatre', schema });
const queue = workQueue('seats');
const show = { show: 'hamlet' };

const deciding = (decide: Decide<Booking>) => ({ queue, event: booked, decide }) satisfies ConsumerDefinition<any>;
const performing = (perform: Perform<Booking>) => ({ queue, event: booked, perform }) satisfies ConsumerDefinition<any>;
const booking = (bookingId: string, count = 1) => emit(booked, { bookingId, count });

const book: Decide<Booking> = ({ bookingId, count }) => ({
  effects: [
    seats.add(show, 'free', -count, { atLeast: 0 }),
    bookings.put({ bookingId }, { count }, { when: 'absent' }),
  ],
  events: [emit(confirmed, { bookingId, count })],
  otherwise: reject('SOLD_OUT'),
});

async function counterexample(...args: Parameters<typeof exhaust>): Promise<Counterexample> {
  try {
    await exhaust(...args);
  } catch (error) {
    if (error instanceof Counterexample) return error;
    throw error;
  }
  throw new Error('exhaust() found no counterexample, but the test expects one');
}

const threeSeats: ExhaustOptions = { given: (store) => store.given(seats, show, { free: 3 }) };

/** A simulated external system, which makes one booking per idempotency key. */
function anotherSystem() {
  const keys = new Set<string>();
  let calls = 0;
  return {
    reset: () => {
      keys.clear();
      calls = 0;
    },
    call(key?: string) {
      calls += 1;
      if (key !== undefined) keys.add(key);
    },
    charges: () => (keys.size > 0 ? keys.size : calls),
  };
}

describe('exhaust() reports no failure for a consumer without a mistake', () => {
  test('for one message, exhaust() tries all sequences of steps with every combination of at most two faults', async () => {
    const tried = await exhaust(deciding(book), [booking('a')], {
      ...threeSeats,
      always: ({ item }) => item(seats, show)!.free >= 2,
      finally: ({ item }) => expect(item(seats, show)).toEqual({ show: 'hamlet', free: 2 }),
    });
    expect(tried.isComplete).toBe(true);
    expect(tried.histories).toBeGreaterThan(50);
  });

  test('exhaust() reports no failure for a consumer that rejects a message when too few seats are free', async () => {
    const tried = await exhaust(deciding(book), [booking('a', 2), booking('b', 1), booking('c', 1)], {
      ...threeSeats,
      always: ({ item, items }) => {
        const sold = items(bookings).reduce((sum, one) => sum + Number(one['count']), 0);
        return item(seats, show)!.free + sold === 3;
      },
      faults: 1,
    });
    expect(tried.isComplete).toBe(true);
  });

  test('exhaust() reports no failure for a correct consumer that runs in two execution environments at the same time', async () => {
    await exhaust(deciding(book), [booking('a'), booking('b')], {
      ...threeSeats,
      environments: 2,
      faults: 2,
      histories: 300,
    });
  });

  test('exhaust() does not count it as a failure if invalid messages or errors of the business rule lead to retries or dead letters', async () => {
    const failing = deciding(({ bookingId }, { attempt }) => {
      if (bookingId === 'never') throw new PermanentError('NEVER', 'never');
      if (attempt === 1) throw new Error('not this time');
      return { effects: [] };
    });
    await exhaust(failing, [booking('never'), booking('later'), booking(7 as never)], { faults: 1 });
  });

  test('exhaust() finds no double charge if perform passes the message id to the other system as the idempotency key', async () => {
    const bank = anotherSystem();
    await exhaust(
      performing(async (_, { id }) => {
        bank.call(id);
        return { effects: [seats.add(show, 'free', -1)] };
      }),
      [booking('a')],
      { given: () => bank.reset(), always: () => bank.charges() <= 1, finally: () => bank.charges() === 1 },
    );
  });

  test('exhaust() reports no failure for a consumer that processes the messages of an ordered queue in order', async () => {
    const ordered = {
      ...deciding(({ bookingId }) => ({ effects: [seats.set(show, { free: 0, note: bookingId })] })),
      queue: workQueue('seats', { ordered: true }),
      orderBy: () => 'hamlet',
    };
    await exhaust(ordered, [booking('a'), booking('b')], {
      finally: ({ item }) => item(seats, show)!.note === 'b',
      faults: 1,
    });
  });

  test('exhaust() reports no failure for a rule that reads an item and requires that the item has not changed', async () => {
    const careful = deciding(async (_, { read }) => {
      const free = (await read(seats, show))!.free;
      return { effects: [seats.set(show, { free: free - 1 }, { when: { free: { equals: free } } })] };
    });
    await exhaust(careful, [booking('a'), booking('b')], {
      ...threeSeats,
      finally: ({ item }) => item(seats, show)!.free === 1,
      faults: 1,
    });
  });

  test('exhaust() with "repeatable: false" accepts a rule whose decision contains the current time', async () => {
    const dated = deciding(({ bookingId }) => ({ effects: [bookings.put({ bookingId }, { at: Date.now() })] }));
    await exhaust(dated, [booking('a')], { repeatable: false });
  });
});

describe('exhaust() reports the mistake of a consumer', () => {
  test('exhaust() reports a failure for a perform function that calls another system without an idempotency key', async () => {
    const bank = anotherSystem();
    const careless = performing(async () => bank.call());
    const found = await counterexample(careless, [booking('a')], {
      given: () => bank.reset(),
      always: () => bank.charges() <= 1,
      finally: () => bank.charges() <= 1,
    });
    expect(found.message).toContain('the invariant "always" returned false');
    expect(found.history.filter((line) => line.includes('run the rule'))).toHaveLength(2);
  });

  const hourAtStart = new Date().getUTCHours();
  const hoursAfter = (hour: number) => (new Date().getUTCHours() - hour + 24) % 24;

  test.each<[string, Decide<Booking>]>([
    ['the clock', ({ bookingId }) => ({ effects: [bookings.put({ bookingId }, { at: new Date().toISOString() })] })],
    [
      'the hour of the day',
      // The second run of the rule is five hours later, at any time of the day.
      () => ({ effects: hoursAfter(hourAtStart) > 1 ? [] : [seats.add(show, 'free', -1)] }),
    ],
    ['random numbers', () => ({ effects: Math.random() < 0.01 ? [] : [seats.add(show, 'free', -1)] })],
    ['a random id', () => ({ effects: [bookings.put({ bookingId: randomUUID() }, {})] })],
    [
      'the clock after waiting',
      async ({ bookingId }, { read }) => {
        await read(seats, show);
        return { effects: [bookings.put({ bookingId }, { at: Date.now() })] };
      },
    ],
  ])('exhaust() reports a failure for a decide function that depends on %s', async (_, decide) => {
    const found = await counterexample(deciding(decide), [booking('a')]);
    expect(found.message).toMatch(
      /^the rule for seats\.booked#1 is not repeatable\. It decided: completed.*; but when it ran again: completed/,
    );
    expect(found.history.length).toBeLessThan(6);
  });

  test('exhaust() reports a failure for a decide function that depends on a variable of its module', async () => {
    const seen = new Set<string>();
    const remembering = deciding((_, { id }: RuleContext) => {
      if (seen.has(id)) return { effects: [] };
      seen.add(id);
      return { effects: [seats.add(show, 'free', -1)] };
    });
    const found = await counterexample(remembering, [booking('a')], { given: () => seen.clear() });
    expect(found.message).toContain('is not repeatable');
  });

  test('exhaust() with "repeatable: false" still reports a failure if decide keeps state between calls and therefore loses an effect', async () => {
    const seen = new Set<string>();
    const remembering = deciding((_, { id }: RuleContext) => {
      if (seen.has(id)) return { effects: [] };
      seen.add(id);
      return { effects: [seats.add(show, 'free', -1)] };
    });
    const found = await counterexample(remembering, [booking('a')], {
      given: (store) => {
        seen.clear();
        store.given(seats, show, { free: 3 });
      },
      finally: ({ item }) => expect(item(seats, show)).toEqual({ show: 'hamlet', free: 2 }),
      repeatable: false,
    });
    expect(found.message).toContain('the invariant "finally" fails');
    expect(found.message).toMatch(/Histories tried: \d+, with at most 1 faults each\./);
  });

  test('exhaust() reports a failure for a rule that reads an item and then overwrites a change that another message made in the meantime', async () => {
    const careless = deciding(async (_, { read }) => {
      const item = await read(seats, show);
      return { effects: [seats.set(show, { free: item!.free - 1 })] };
    });
    const found = await counterexample(careless, [booking('a'), booking('b')], {
      ...threeSeats,
      finally: ({ item }) => expect(item(seats, show)!.free).toBe(1),
    });
    expect(found.history.join('\n')).toMatch(
      /deliver seats\.booked#1, seats\.booked#2[\s\S]*seats { show: 'hamlet' }: { free: 3 } → { free: 2 }/,
    );
  });

  test('exhaust() reports a failure for a rule whose result depends on the order in which two messages arrive', async () => {
    const careless = deciding(({ bookingId }) => ({ effects: [seats.set(show, { free: 0, note: bookingId })] }));
    const found = await counterexample(careless, [booking('a'), booking('b')], {
      finally: ({ item }) => item(seats, show)!.note === 'b',
    });
    expect(found.message).toContain('deliver seats.booked#2, seats.booked#1');
  });

  test('the result of exhaust() lists the messages that became dead letters, each with its error code', async () => {
    const refusing = deciding((data, context) => {
      if (data.bookingId === 'b') throw new PermanentError('NO_SUCH_SHOW', 'there is no such show');
      return book(data, context);
    });
    const { deadLetters } = await exhaust(refusing, [booking('a'), booking('b')], threeSeats);
    expect(deadLetters).toEqual([{ id: 'seats.booked#2', code: 'NO_SUCH_SHOW' }]);
    expect(await exhaust(deciding(book), [booking('a')], threeSeats)).toMatchObject({ deadLetters: [] });
  });

  test('the invariant "finally" of exhaust() can require that no message becomes a dead letter, and the error then names the dead letters', async () => {
    const refusing = deciding(() => {
      throw new PermanentError('NO_SUCH_SHOW', 'there is no such show');
    });
    const found = await counterexample(refusing, [booking('a')], {
      finally: ({ deadLetters }) => deadLetters.length === 0,
    });
    expect(found.message).toContain('the invariant "finally" returned false');
    expect(found.message).toContain('\n\nDead letters: seats.booked#1 (NO_SUCH_SHOW).\n\n');
  });

  test('the error of exhaust() contains the broken invariant, the shortest sequence of steps that breaks it, and the number of tried sequences', async () => {
    const found = await counterexample(deciding(book), [booking('a')], {
      given: (store) => store.given(seats, show, { free: 1 }),
      always: ({ items }) => items(bookings).length === 0,
    });
    expect(found.message).toBe(
      [
        'the invariant "always" returned false',
        '',
        'The shortest history in which this happens:',
        '  1. deliver seats.booked#1',
        '  2. run the rule for seats.booked#1 (attempt 1)',
        "       completed; add -1 to free of seats { show: 'hamlet' } (at least 0); put { count: 1 } as bookings { bookingId: 'a' }, when 'absent'; publish booking.confirmed { bookingId: 'a', count: 1 }; otherwise rejected (SOLD_OUT)",
        '  3. commit seats.booked#1',
        '       seats.booked#1 is completed',
        "       seats { show: 'hamlet' }: { free: 1 } → { free: 0 }",
        "       bookings { bookingId: 'a' }: no item → { count: 1 }",
        '',
        'Histories tried: 1, with at most 0 faults each.',
      ].join('\n'),
    );
  });

  test('if the possible sequences of steps and faults exceed the limit in the option "histories", exhaust() tries only a sample of them', async () => {
    const options = { ...threeSeats, faults: 3, histories: 60 };
    const events = [booking('a'), booking('b')];
    expect(await exhaust(deciding(book), events, options)).toMatchObject({ histories: 60, isComplete: false });
  });
});

test('when exhaust() ends, it restores the clock and the random number generator', async () => {
  const [clock, random] = [Date, Math.random];
  await counterexample(
    deciding(({ bookingId }) => ({ effects: [bookings.put({ bookingId }, { at: Date.now() })] })),
    [booking('a')],
  );
  expect(Date).toBe(clock);
  expect(Math.random).toBe(random);
});
