import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lockHolder, takeLock } from '../../../infra/dev/runtime/process-lock.ts';

const lockFile = () => join(mkdtempSync(join(tmpdir(), 'surehop-lock-')), 'deep', 'start.lock');

describe('the lock of a clone', () => {
  test('a lock that a running process holds is refused with the id of that process', () => {
    const file = lockFile();
    const first = takeLock(file);
    expect(first).toHaveProperty('release');
    expect(takeLock(file)).toEqual({ heldBy: process.pid });
  });

  test('a released lock can be taken again and leaves no other file behind', () => {
    const file = lockFile();
    const first = takeLock(file);
    if ('release' in first) first.release();
    expect(existsSync(file)).toBe(false);
    expect(takeLock(file)).toHaveProperty('release');
    expect(readdirSync(dirname(file))).toEqual(['start.lock']);
  });

  test('the lock of a killed process can be taken', () => {
    const file = lockFile();
    takeLock(file);
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(file, JSON.stringify({ pid, startedAt: '' }));
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file)).toHaveProperty('release');
    expect(lockHolder(file)).toBe(process.pid);
  });

  test.each([['not json'], [''], ['null'], ['{"pid":"x"}']])('a lock file that contains %j can be taken', (text) => {
    const file = lockFile();
    takeLock(file);
    writeFileSync(file, text);
    expect(takeLock(file)).toHaveProperty('release');
  });

  test('a later process with the same id does not hold the lock', () => {
    const file = lockFile();
    takeLock(file);
    const { startedAt } = JSON.parse(readFileSync(file, 'utf8')) as { startedAt: string };
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: `${startedAt}0` }));
    // If the system does not say when a process started, only the id is compared.
    expect(lockHolder(file)).toBe(startedAt === '' ? process.pid : undefined);
  });
});
