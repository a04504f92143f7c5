import { expect, test } from '@jest/globals';

import { watchEnd } from '../../../infra/dev/runtime/watch-end.ts';

/** Simulates a server process that exits when the test calls `end`. `heard` lists the exits that `watchEnd` reports. */
function aServer() {
  const runs: ((how: string) => void)[] = [];
  const heard: string[] = [];
  const watch = watchEnd(() => new Promise((resolve) => runs.push(resolve)));
  watch.onDeath((how) => heard.push(how));
  const end = async (run: number, how: string) => {
    runs[run]!(how);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { ...watch, heard, end };
}

test('watchEnd reports each unexpected end of a server, also after a restart of the server', async () => {
  const { heard, end, during } = aServer();
  await end(0, 'exit code 137');
  expect(heard).toEqual(['exit code 137']);
  await during(async () => {}, true);
  await end(1, 'exit code 1');
  expect(heard).toEqual(['exit code 137', 'exit code 1']);
});

test('watchEnd does not report a server that is stopped, killed or restarted on purpose', async () => {
  const { heard, end, during } = aServer();
  await during(() => end(0, 'exit code 0'), true);
  await during(() => end(1, 'exit code 0'), false);
  expect(heard).toEqual([]);
});

test('watchEnd reports the end of a server even if the server ended before the first listener was added', async () => {
  const { onDeath } = watchEnd(async () => 'exit code 1');
  await Promise.resolve();
  const heard = await new Promise((resolve) => onDeath(resolve));
  expect(heard).toBe('exit code 1');
});

test('watchEnd reports an error if it can no longer observe the server', async () => {
  const { onDeath } = watchEnd(() => Promise.reject(new Error('Docker has stopped')));
  expect(await new Promise((resolve) => onDeath(resolve))).toBe('Docker has stopped');
});
