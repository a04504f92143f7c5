import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lockHolder, takeLock } from '../../../infra/dev/runtime/process-lock.ts';

const lockFile = () => join(mkdtempSync(join(tmpdir(), 'surehop-lock-')), 'deep', 'start.lock');

describe('the lock of a clone', () => {
  test('is refused while a live process holds it, with that process named', () => {
    const file = lockFile();
    const first = takeLock(file);
    expect(first).toHaveProperty('release');
    expect(takeLock(file)).toEqual({ heldBy: process.pid });
  });

  test('is free again after its release, with nothing left beside it', () => {
    const file = lockFile();
    const first = takeLock(file);
    if ('release' in first) first.release();
    expect(existsSync(file)).toBe(false);
    expect(takeLock(file)).toHaveProperty('release');
    expect(readdirSync(dirname(file))).toEqual(['start.lock']);
  });

  test('is taken over from a process that was killed', () => {
    const file = lockFile();
    takeLock(file);
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(file, JSON.stringify({ pid, startedAt: '' }));
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file)).toHaveProperty('release');
    expect(lockHolder(file)).toBe(process.pid);
  });

  test.each([['not json'], [''], ['null'], ['{"pid":"x"}']])('is taken over when it holds %j', (text) => {
    const file = lockFile();
    takeLock(file);
    writeFileSync(file, text);
    expect(takeLock(file)).toHaveProperty('release');
  });

  test('is not held by a later process that got the same id', () => {
    const file = lockFile();
    takeLock(file);
    const { startedAt } = JSON.parse(readFileSync(file, 'utf8')) as { startedAt: string };
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: `${startedAt}0` }));
    // Where the system does not tell when a process started, the id is all there is to go by.
    expect(lockHolder(file)).toBe(startedAt === '' ? process.pid : undefined);
  });
});
