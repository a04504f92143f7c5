import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';

import { plainPath, removePlainPath } from '../../../infra/dev/runtime/broker/plain-path.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'surehop-plain-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('the plain path of a directory', () => {
  test.each(['with space', '订单', 'é', 'a#b', 'a%41', "it's", 'a:b', 'a;b', '$HOME', '(a)', 'a"b', 'a\\b', 'a\nb'])(
    'plainPath returns a symbolic link with an ASCII path for the directory %j, and the same link at every call',
    (name) => {
      const directory = join(scratch, name);
      mkdirSync(directory);
      const plain = plainPath(directory);
      expect(plain).toMatch(/^[A-Za-z0-9._/-]+$/);
      writeFileSync(join(plain, 'file'), name);
      expect(readFileSync(join(directory, 'file'), 'utf8')).toBe(name);
      expect(plainPath(directory)).toBe(plain);
      removePlainPath(directory);
      expect(existsSync(plain)).toBe(false);
      expect(existsSync(directory)).toBe(true);
    },
  );

  test('plainPath creates a different symbolic link for each path with special characters, and creates a deleted link again', () => {
    const [one, other] = ['one 1', 'other 1'].map((name) => join(scratch, name)) as [string, string];
    const plain = plainPath(one);
    expect(plainPath(other)).not.toBe(plain);
    rmSync(plain);
    expect(readlinkSync(plainPath(one))).toBe(one);
    for (const directory of [one, other]) removePlainPath(directory);
  });

  test('plainPath returns a path without special characters unchanged, and removePlainPath does not delete the directory at such a path', () => {
    const directory = mkdtempSync('/tmp/surehop-plain-');
    expect(plainPath(directory)).toBe(directory);
    removePlainPath(directory);
    expect(existsSync(directory)).toBe(true);
    rmSync(directory, { recursive: true });
  });
});
