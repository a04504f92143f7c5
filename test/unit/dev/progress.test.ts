import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';

import { withProgress } from '../../../infra/dev/runtime/progress.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('withProgress prints a line every eight seconds until the task has ended, and returns the result of the task', async () => {
  const lines: string[] = [];
  let finish: (result: string) => void = () => {};
  const waiting = withProgress('RabbitMQ', new Promise((resolve) => (finish = resolve)), (line) => lines.push(line));
  jest.advanceTimersByTime(17_000);
  finish('ready');
  expect(await waiting).toBe('ready');
  jest.advanceTimersByTime(60_000);
  expect(lines).toEqual(['still waiting for RabbitMQ (8 s)', 'still waiting for RabbitMQ (16 s)']);
});

test('withProgress prints nothing more after the task has failed', async () => {
  const lines: string[] = [];
  await expect(
    withProgress('RabbitMQ', Promise.reject(new Error('no port')), (line) => lines.push(line)),
  ).rejects.toThrow('no port');
  jest.advanceTimersByTime(60_000);
  expect(lines).toEqual([]);
});
