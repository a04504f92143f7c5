import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createIntake } from '../../../infra/emulator/intake.ts';

const items = (...sizes: number[]) => sizes.map((bytes) => ({ bytes }));

function anIntake(limits = {}) {
  return createIntake({ batchSize: 3, batchingWindowMs: 1_000, maxBytes: 100, ...limits });
}

describe('the intake of an event source', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('the event source emulator closes a batch at the batch size and keeps further messages for the next batch', async () => {
    const intake = anIntake();
    for (const item of items(1, 2, 3, 4)) intake.add(item);
    expect(await intake.next()).toEqual(items(1, 2, 3));
    expect(intake.clear()).toEqual(items(4));
  });

  test('the event source emulator closes a batch before a message that would exceed the maximum number of bytes', async () => {
    const intake = anIntake();
    for (const item of items(60, 40, 1)) intake.add(item);
    expect(await intake.next()).toEqual(items(60, 40));
    const second = intake.next();
    intake.add({ bytes: 100 });
    expect(await second).toEqual(items(1));
  });

  test('the event source emulator closes a batch when the batching window has passed since the first message of the batch', async () => {
    const intake = anIntake();
    let batch: unknown;
    void intake.next().then((closed) => (batch = closed));
    await jest.advanceTimersByTimeAsync(5_000);
    expect(batch).toBeUndefined();
    intake.add({ bytes: 1 });
    await jest.advanceTimersByTimeAsync(600);
    intake.add({ bytes: 2 });
    await jest.advanceTimersByTimeAsync(399);
    expect(batch).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    expect(batch).toEqual(items(1, 2));
  });

  test('the event source emulator returns a batch immediately if its first message has already waited for the batching window', async () => {
    const intake = anIntake();
    intake.add({ bytes: 1 });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await intake.next()).toEqual(items(1));
  });

  test('when the event source emulator stops reading, the return value of the method "close" contains the messages that are not in a batch yet', async () => {
    const intake = anIntake();
    const next = intake.next();
    intake.add({ bytes: 1 });
    expect(intake.close()).toEqual(items(1));
    expect(await next).toBeUndefined();
    expect(await intake.next()).toBeUndefined();
  });
});
