import { describe, expect, jest, test } from '@jest/globals';

import { singleFlight } from '../../../lib/runtime/single-flight.ts';
import { within } from '../../../lib/runtime/within.ts';

/** A promise that is settled from outside, and the clock that the flight reads. */
const aSetting = () => {
  const clock = { nowMs: 0, now: () => clock.nowMs };
  const begun: { resolve(value: string): void; reject(error: Error): void }[] = [];
  const attempt = () => new Promise<string>((resolve, reject) => void begun.push({ resolve, reject }));
  const flight = singleFlight<string>(clock);
  return { clock, begun, run: (limitMs = 1_000) => flight.run(attempt, limitMs), flight };
};

/** What became of a promise, so that it may be rejected before anybody looks. */
const outcomeOf = (promise: Promise<string>) =>
  promise.then(
    (value) => value,
    (error: Error) => error.message,
  );

describe('a single flight', () => {
  test('is one attempt for all who come while it is under way', async () => {
    const { begun, run, flight } = aSetting();
    const callers = [run(), run(), run()];
    expect(flight.isUnderWay()).toBe(true);
    begun[0]?.resolve('one');
    expect(await Promise.all(callers)).toEqual(['one', 'one', 'one']);
    expect(begun).toHaveLength(1);
    expect(flight.isUnderWay()).toBe(false);
  });

  test('that is never answered ends at its limit, and the next caller begins a new one', async () => {
    const { begun, run } = aSetting();
    expect(await outcomeOf(run(10))).toBe('no answer within 10 ms');
    const second = run();
    begun[1]?.resolve('two');
    expect(await second).toBe('two');
    expect(begun).toHaveLength(2);
  });

  test('that is answered after its limit disturbs neither the next one nor the process', async () => {
    const { begun, run, flight } = aSetting();
    await outcomeOf(run(10));
    const second = run();
    begun[0]?.reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(flight.isUnderWay()).toBe(true);
    begun[1]?.resolve('two');
    expect(await second).toBe('two');
  });

  test('whose time ran out in a freeze is not joined, though its timer has not fired yet', async () => {
    const { clock, begun, run } = aSetting();
    const before = outcomeOf(run(1_000));
    clock.nowMs += 60_000;
    const after = run(1_000);
    begun[1]?.resolve('two');
    expect(await after).toBe('two');
    begun[0]?.resolve('one');
    expect(await before).toBe('one');
  });

  test('that fails by its own timers after a freeze is tried once more by whoever joined it', async () => {
    const { begun, run } = aSetting();
    const before = outcomeOf(run());
    const joined = [run(), run()];
    begun[0]?.reject(new Error('its timer ran out'));
    expect(await before).toBe('its timer ran out');
    begun[1]?.resolve('two');
    expect(await Promise.all(joined)).toEqual(['two', 'two']);
    expect(begun).toHaveLength(2);
  });

  test('that fails twice is an error for those who joined: nobody tries for ever', async () => {
    const { begun, run } = aSetting();
    const first = outcomeOf(run());
    const joined = outcomeOf(run());
    begun[0]?.reject(new Error('one'));
    await first;
    begun[1]?.reject(new Error('two'));
    expect(await joined).toBe('two');
    expect(begun).toHaveLength(2);
  });

  test('passes on what the attempt throws before it is a promise', async () => {
    const { flight } = aSetting();
    const thrown = flight.run(() => {
      throw new Error('at once');
    }, 1_000);
    await expect(thrown).rejects.toThrow('at once');
    expect(flight.isUnderWay()).toBe(false);
  });
});

test('a time limit leaves no timer behind', async () => {
  const clear = jest.spyOn(globalThis, 'clearTimeout');
  expect(await within(60_000, Promise.resolve('at once'))).toBe('at once');
  expect(clear).toHaveBeenCalledTimes(1);
  clear.mockRestore();
});
