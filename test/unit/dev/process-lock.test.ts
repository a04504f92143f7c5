import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lockHolder, takeLock } from '../../../infra/dev/runtime/process-lock.ts';

const lockFile = () => join(mkdtempSync(join(tmpdir(), 'surehop-lock-')), 'deep', 'start.lock');

describe('the lock file of a clone', () => {
  test('takeLock returns the process id of the holder if a running process already holds the lock', () => {
    const file = lockFile();
    const first = takeLock(file);
    expect(first).toHaveProperty('release');
    expect(takeLock(file)).toEqual({ heldBy: process.pid });
  });

  test('a lock can be taken again after its release, and taking it leaves no temporary file beside the lock file', () => {
    const file = lockFile();
    const first = takeLock(file);
    if ('release' in first) first.release();
    expect(existsSync(file)).toBe(false);
    expect(takeLock(file)).toHaveProperty('release');
    expect(readdirSync(dirname(file))).toEqual(['start.lock']);
  });

  test('a lock can be taken if the process that held it was killed', () => {
    const file = lockFile();
    takeLock(file);
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(file, JSON.stringify({ pid, startedAt: '' }));
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file)).toHaveProperty('release');
    expect(lockHolder(file)).toBe(process.pid);
  });

  test.each([['not json'], [''], ['null'], ['{"pid":"x"}']])(
    'a lock can be taken if the lock file has the invalid content %j',
    (text) => {
      const file = lockFile();
      takeLock(file);
      writeFileSync(file, text);
      expect(takeLock(file)).toHaveProperty('release');
    },
  );

  test('a lock counts as free if its holder has ended, even if a later process has the same process id', () => {
    const file = lockFile();
    takeLock(file);
    const { startedAt } = JSON.parse(readFileSync(file, 'utf8')) as { startedAt: string };
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: `${startedAt}0` }));
    // Where the operating system does not report the start time of a process, the lock compares only process ids.
    expect(lockHolder(file)).toBe(startedAt === '' ? process.pid : undefined);
  });
});
