import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, describe, expect, jest, test } from '@jest/globals';

import { breakerState, guarded } from '../../../lib/http/breaker.ts';
import { inFlight } from '../../../lib/http/in-flight.ts';
import { inTime } from '../../../lib/http/in-time.ts';
import { PublishError, StoreUnavailableError } from '../../../lib/runtime/errors.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';

const metrics: string[] = [];

const REST_MS = 200;
const surehop = createSurehop({
  environment: { LOG_LEVEL: 'ERROR', BREAKER_FAILURES: '3', BREAKER_REST_MS: String(REST_MS) },
});

beforeAll(() => {
  Object.assign(process.env, { POWERTOOLS_METRICS_DISABLED: 'false', POWERTOOLS_DEV: 'true' });
  jest.spyOn(console, 'log').mockImplementation((line: unknown) => void metrics.push(String(line)));
});

const away = () => Promise.reject(new PublishError('BROKER_UNAVAILABLE', 'gone'));

describe('a breaker', () => {
  test('opens after failures in a row, refuses without trying, tries again alone, and closes with the first success', async () => {
    for (let failure = 0; failure < 3; failure += 1)
      await expect(guarded(surehop, 'broker', away)).rejects.toThrow('gone');
    expect(breakerState(surehop, 'broker')).toBe('open');
    const work = jest.fn(async () => 'done');
    await expect(guarded(surehop, 'broker', work)).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
      indeterminate: false,
    });
    expect(work).not.toHaveBeenCalled();
    expect(metrics.some((line) => line.includes('"BreakerOpen":1') && line.includes('"part":"broker"'))).toBe(true);

    await sleep(REST_MS + 20);
    let end: (result: string) => void = () => {};
    const probe = guarded(surehop, 'broker', () => new Promise<string>((resolve) => (end = resolve)));
    expect(breakerState(surehop, 'broker')).toBe('half-open');
    // Nobody waits for the one that tries.
    await expect(guarded(surehop, 'broker', work)).rejects.toThrow('left alone');
    end('back');
    expect(await probe).toBe('back');
    expect(breakerState(surehop, 'broker')).toBe('closed');
    expect(await guarded(surehop, 'broker', work)).toBe('done');
    expect(metrics.some((line) => line.includes('"BreakerOpen":0'))).toBe(true);
  });

  test('is not opened by a refusal that says that the part is there', async () => {
    for (let failure = 0; failure < 10; failure += 1)
      await expect(
        guarded(surehop, 'broker', () => Promise.reject(new PublishError('REFUSED', 'full'))),
      ).rejects.toThrow('full');
    expect(breakerState(surehop, 'broker')).toBe('closed');
  });

  test('of the store is another than that of the broker', async () => {
    for (let failure = 0; failure < 3; failure += 1)
      await expect(guarded(surehop, 'store', () => Promise.reject(new StoreUnavailableError()))).rejects.toThrow();
    expect(breakerState(surehop, 'store')).toBe('open');
    expect(breakerState(surehop, 'broker')).toBe('closed');
    await expect(guarded(surehop, 'store', async () => 1)).rejects.toBeInstanceOf(StoreUnavailableError);
  });
});

test('work past its deadline is answered as such, and told so', async () => {
  let told: AbortSignal | undefined;
  await expect(
    inTime(30, (signal) => {
      told = signal;
      return new Promise(() => {});
    }),
  ).rejects.toMatchObject({ problem: 'deadline-exceeded', members: { indeterminate: true } });
  expect(told?.aborted).toBe(true);
  expect(await inTime(1_000, () => 'in time')).toBe('in time');
  await expect(inTime(1_000, () => Promise.reject(new Error('of its own')))).rejects.toThrow('of its own');
});

test('what is more than may be in flight is refused at once, and not kept', async () => {
  const beside = inFlight(2);
  let end = () => {};
  const first = new Promise<void>((resolve) => (end = resolve));
  const running = [beside(() => first), beside(() => first)];
  const third = jest.fn(async () => {});
  await expect(beside(third)).rejects.toMatchObject({ problem: 'overloaded' });
  end();
  await Promise.all(running);
  expect(third).not.toHaveBeenCalled();
  await beside(third);
  expect(third).toHaveBeenCalledTimes(1);
});
