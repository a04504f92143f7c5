import { expect, test } from '@jest/globals';

import { watchEnd } from '../../../infra/dev/runtime/watch-end.ts';

/**
 * Simulates a server process that exits when the test calls `end`. `heard` lists the exits that `watchEnd` reports, and
 * `watched` returns how many runs of the server `watchEnd` has watched.
 */
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
  return { ...watch, heard, end, watched: () => runs.length };
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

test('if a server ended and was restarted before any listener was added, watchEnd does not report this end to a later listener', async () => {
  const runs: ((how: string) => void)[] = [];
  const { onDeath, during } = watchEnd(() => new Promise((resolve) => runs.push(resolve)));
  runs[0]!('exit code 1');
  await Promise.resolve();
  await during(async () => {}, true);
  const heard: string[] = [];
  onDeath((how) => heard.push(how));
  expect(heard).toEqual([]);
});

test('watchEnd does not watch a server that was stopped while it was restarted', async () => {
  const { heard, end, during, watched } = aServer();
  const restarted = during(async (isLatest) => {
    expect(isLatest()).toBe(true);
    await end(0, 'exit code 0');
    expect(isLatest()).toBe(false);
  }, true);
  await during(async () => {}, false);
  await restarted;
  expect(watched()).toBe(1);
  expect(heard).toEqual([]);
});

test('watchEnd reports an error if it can no longer observe the server', async () => {
  const { onDeath } = watchEnd(() => Promise.reject(new Error('Docker has stopped')));
  expect(await new Promise((resolve) => onDeath(resolve))).toBe('Docker has stopped');
});
