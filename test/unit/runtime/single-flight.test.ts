import { describe, expect, jest, test } from '@jest/globals';

import { singleFlight } from '../../../lib/runtime/single-flight.ts';
import { within } from '../../../lib/runtime/timeout.ts';

/** Creates a `singleFlight`, whose concurrent callers share one run. The test decides how each run ends. */
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

describe('singleFlight', () => {
  test('callers of singleFlight that arrive while an operation runs share the result of this run', async () => {
    const { begun, run, flight } = aFlight();
    const callers = [run(), run(), run()];
    expect(flight.isRunning()).toBe(true);
    begun[0]?.resolve('one');
    expect(await Promise.all(callers)).toEqual(['one', 'one', 'one']);
    expect(begun).toHaveLength(1);
    expect(flight.isRunning()).toBe(false);
  });

  test('if an operation passed to singleFlight gets no answer, the call times out, and the next caller starts the operation again', async () => {
    const { begun, run } = aFlight();
    expect(await outcomeOf(run(10))).toBe('no answer within 10 ms');
    const second = run();
    begun[1]?.resolve('two');
    expect(await second).toBe('two');
    expect(begun).toHaveLength(2);
  });

  test('if an operation in singleFlight fails after its timeout, the late error neither affects the next run nor ends the process', async () => {
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

  test('if an operation in singleFlight fails, the other callers that waited for its result share one new run', async () => {
    const { begun, run } = aFlight();
    const before = outcomeOf(run());
    const joined = [run(), run()];
    begun[0]?.reject(new Error('its timer ran out'));
    expect(await before).toBe('its timer ran out');
    begun[1]?.resolve('two');
    expect(await Promise.all(joined)).toEqual(['two', 'two']);
    expect(begun).toHaveLength(2);
  });

  test('if a run of singleFlight fails, the callers that waited for it share one second run, and get its error if the second run fails too', async () => {
    const { begun, run } = aFlight();
    const first = outcomeOf(run());
    const joined = outcomeOf(run());
    begun[0]?.reject(new Error('one'));
    await first;
    begun[1]?.reject(new Error('two'));
    expect(await joined).toBe('two');
    expect(begun).toHaveLength(2);
  });

  test('if the function passed to singleFlight throws synchronously, the returned promise is rejected with this error', async () => {
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
