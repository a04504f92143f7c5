import { setImmediate } from 'node:timers/promises';

import { expect, test } from '@jest/globals';

import { concurrently } from '../../../lib/runtime/concurrently.ts';

test('concurrently() calls its callback with every item and its index, and never runs more calls at the same time than the limit', async () => {
  let atOnce = 0;
  let most = 0;
  const done: [string, number][] = [];
  await concurrently(['a', 'b', 'c', 'd', 'e'], 2, async (item, index) => {
    most = Math.max(most, ++atOnce);
    // The first item takes longer than all other items together.
    for (let turns = index === 0 ? 20 : 1; turns > 0; turns -= 1) await setImmediate();
    atOnce -= 1;
    done.push([item, index]);
  });
  expect(most).toBe(2);
  expect(done.at(-1)).toEqual(['a', 0]);
  expect(done.toSorted(([, one], [, other]) => one - other)).toEqual([
    ['a', 0],
    ['b', 1],
    ['c', 2],
    ['d', 3],
    ['e', 4],
  ]);
});

test('the function "concurrently" resolves immediately when there are no items', async () => {
  await expect(concurrently([], 5, () => Promise.reject(new Error('called')))).resolves.toBeUndefined();
});
