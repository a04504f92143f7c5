import { describe, expect, jest, test } from '@jest/globals';

import { singleFlight } from '../../../lib/runtime/single-flight.ts';
import { within } from '../../../lib/runtime/timeout.ts';

/** Creates a single flight, whose concurrent callers share one attempt. The test decides how each attempt ends. */
const aFlight = () => {
  const clock = { nowMs: 0, now: () => clock.nowMs };
  const begun: { resolve(value: string): void; reject(error: Error): void }[] = [];
  const attempt = () => new Promise<string>((resolve, reject) => void begun.push({ resolve, reject }));
  const flight = singleFlight<string>(clock);
  return { clock, begun, run: (limitMs = 1_000) => flight.run(attempt, limitMs), flight };
};

/** Returns the value of a promise, or the message of its error. The returned promise never rejects. */
const outcomeOf = (promise: Promise<string>) =>
  promise.then(
    (value) => value,
    (error: Error) => error.message,
  );

describe('a single flight', () => {
  test('callers of a single flight that come during an attempt share the result of that attempt', async () => {
    const { begun, run, flight } = aFlight();
    const callers = [run(), run(), run()];
    expect(flight.isRunning()).toBe(true);
    begun[0]?.resolve('one');
    expect(await Promise.all(callers)).toEqual(['one', 'one', 'one']);
    expect(begun).toHaveLength(1);
    expect(flight.isRunning()).toBe(false);
  });

  test('if the attempt of a single flight gets no answer, the attempt times out, and the next caller starts a new attempt', async () => {
    const { begun, run } = aFlight();
    expect(await outcomeOf(run(10))).toBe('no answer within 10 ms');
    const second = run();
    begun[1]?.resolve('two');
    expect(await second).toBe('two');
    expect(begun).toHaveLength(2);
  });

  test('if an attempt of a single flight fails after its timeout, the late error neither affects the next attempt nor ends the process', async () => {
    const { begun, run, flight } = aFlight();
    await outcomeOf(run(10));
    const second = run();
    begun[0]?.reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(flight.isRunning()).toBe(true);
    begun[1]?.resolve('two');
    expect(await second).toBe('two');
  });

  test('if the time limit of an attempt passed while Lambda had frozen the process, the next caller of the single flight starts a new attempt', async () => {
    const { clock, begun, run } = aFlight();
    const before = outcomeOf(run(1_000));
    clock.nowMs += 60_000;
    const after = run(1_000);
    begun[1]?.resolve('two');
    expect(await after).toBe('two');
    begun[0]?.resolve('one');
    expect(await before).toBe('one');
  });

  test('if the attempt of a single flight fails, the other callers that waited for this attempt share one new attempt', async () => {
    const { begun, run } = aFlight();
    const before = outcomeOf(run());
    const joined = [run(), run()];
    begun[0]?.reject(new Error('its timer ran out'));
    expect(await before).toBe('its timer ran out');
    begun[1]?.resolve('two');
    expect(await Promise.all(joined)).toEqual(['two', 'two']);
    expect(begun).toHaveLength(2);
  });

  test('the callers that waited for a failed attempt of a single flight get an error if their second attempt fails too', async () => {
    const { begun, run } = aFlight();
    const first = outcomeOf(run());
    const joined = outcomeOf(run());
    begun[0]?.reject(new Error('one'));
    await first;
    begun[1]?.reject(new Error('two'));
    expect(await joined).toBe('two');
    expect(begun).toHaveLength(2);
  });

  test('if the attempt of a single flight throws an error synchronously, the returned promise is rejected with this error', async () => {
    const { flight } = aFlight();
    const thrown = flight.run(() => {
      throw new Error('at once');
    }, 1_000);
    await expect(thrown).rejects.toThrow('at once');
    expect(flight.isRunning()).toBe(false);
  });
});

test('the function "within" clears its timer when the promise that it waits for settles', async () => {
  const clear = jest.spyOn(globalThis, 'clearTimeout');
  expect(await within(60_000, Promise.resolve('at once'))).toBe('at once');
  expect(clear).toHaveBeenCalledTimes(1);
  clear.mockRestore();
});
