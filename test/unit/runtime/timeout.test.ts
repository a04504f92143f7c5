import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, test } from '@jest/globals';

import { withTimeout } from '../../../lib/runtime/timeout.ts';

const AN_HOUR_MS = 3_600_000;

/** Returns a promise that is rejected with the reason of the signal as soon as the signal is aborted. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = () => reject(signal.reason as Error);
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail, { once: true });
  });

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('an operation with a time limit', () => {
  test('an operation that outlasts its time limit is aborted with a TimeoutError', async () => {
    await expect(withTimeout(5, undefined, untilAborted)).rejects.toMatchObject({
      name: 'TimeoutError',
      message: 'no answer within 5 ms',
    });
  });

  test('an operation that outlasts its time limit is aborted even if garbage is collected while the operation runs', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const caller = new AbortController();
    const collecting = setInterval(collectGarbage, 1);
    try {
      for (const signal of [undefined, caller.signal])
        await expect(withTimeout(100, signal, untilAborted)).rejects.toMatchObject({ name: 'TimeoutError' });
    } finally {
      clearInterval(collecting);
    }
  }, 20_000);

  test('when the caller aborts its signal, the running operation is aborted with the same reason', async () => {
    const caller = new AbortController();
    const reason = new Error('the caller of withTimeout aborted the operation, as the test intends');
    const running = withTimeout(AN_HOUR_MS, caller.signal, untilAborted);
    caller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  test('an operation receives an aborted signal if the caller aborted its own signal before the operation started', async () => {
    const reason = new Error('the caller of withTimeout aborted the operation, as the test intends');
    const received = await withTimeout(AN_HOUR_MS, AbortSignal.abort(reason), async (signal) => signal);
    expect(received).toMatchObject({ aborted: true, reason });
  });

  test.each([
    ['succeeds', async () => 'the result'],
    ['fails', () => Promise.reject(new Error('the operation passed to withTimeout failed, as the test intends'))],
    [
      'throws an error before it returns a promise',
      () => {
        throw new Error('the operation passed to withTimeout failed, as the test intends');
      },
    ],
  ])('an operation that %s leaves no timer and no listener behind', async (_, operation: () => Promise<string>) => {
    const { signal } = new AbortController();
    const before = timers();
    let during: readonly number[] = [];
    const running = withTimeout(AN_HOUR_MS, signal, () => {
      during = [timers() - before, getEventListeners(signal, 'abort').length];
      return operation();
    });
    await running.catch((error: unknown) =>
      expect(error).toMatchObject({ message: 'the operation passed to withTimeout failed, as the test intends' }),
    );
    expect(during).toEqual([1, 1]);
    expect([timers() - before, getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  });
});
