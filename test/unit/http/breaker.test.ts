import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, describe, expect, jest, test } from '@jest/globals';

import { breakerState, guarded } from '../../../lib/http/breaker.ts';
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

const unavailable = () => Promise.reject(new PublishError('BROKER_UNAVAILABLE', 'gone'));

describe('a circuit breaker', () => {
  test('a circuit breaker opens after consecutive failures, and closes after a pause if a single trial call succeeds', async () => {
    for (let failure = 0; failure < 3; failure += 1)
      await expect(guarded(surehop, 'broker', unavailable)).rejects.toThrow('gone');
    expect(breakerState(surehop, 'broker')).toBe('open');
    const work = jest.fn(async () => 'done');
    await expect(guarded(surehop, 'broker', work)).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
      indeterminate: false,
    });
    expect(work).not.toHaveBeenCalled();
    expect(metrics.some((line) => line.includes('"BreakerOpen":1') && line.includes('"dependency":"broker"'))).toBe(
      true,
    );

    await sleep(REST_MS + 20);
    let end: (result: string) => void = () => {};
    const probe = guarded(surehop, 'broker', () => new Promise<string>((resolve) => (end = resolve)));
    expect(breakerState(surehop, 'broker')).toBe('half-open');
    // While the single call is in progress, the circuit breaker refuses all other calls at once.
    await expect(guarded(surehop, 'broker', work)).rejects.toThrow('circuit breaker open');
    end('back');
    expect(await probe).toBe('back');
    expect(breakerState(surehop, 'broker')).toBe('closed');
    expect(await guarded(surehop, 'broker', work)).toBe('done');
    expect(metrics.some((line) => line.includes('"BreakerOpen":0'))).toBe(true);
  });

  test('errors that the broker itself returns do not open the circuit breaker of the broker', async () => {
    for (let failure = 0; failure < 10; failure += 1)
      await expect(
        guarded(surehop, 'broker', () => Promise.reject(new PublishError('REFUSED', 'full'))),
      ).rejects.toThrow('full');
    expect(breakerState(surehop, 'broker')).toBe('closed');
  });

  test('the store and the broker have separate circuit breakers', async () => {
    for (let failure = 0; failure < 3; failure += 1)
      await expect(guarded(surehop, 'store', () => Promise.reject(new StoreUnavailableError()))).rejects.toThrow();
    expect(breakerState(surehop, 'store')).toBe('open');
    expect(breakerState(surehop, 'broker')).toBe('closed');
    await expect(guarded(surehop, 'store', async () => 1)).rejects.toBeInstanceOf(StoreUnavailableError);
  });
});
