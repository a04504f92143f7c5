import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

import { completeLock } from '../../../infra/build/package-lock.ts';

test('package-lock.json contains the optional packages of every platform, because npm ci requires them (run npm run lock to add them)', () => {
  const lock = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'));
  expect(completeLock(lock).added).toEqual([]);
});

test('completeLock adds a missing optional package to package-lock.json with the operating system, the CPU and the C library of the package', () => {
  const parent = { version: '1.0.0', dev: true, optionalDependencies: { '@a/linux-x64-musl': '1.2.3' } };
  const { lock, added } = completeLock({ packages: { 'node_modules/a': parent } });
  expect(added).toEqual(['@a/linux-x64-musl']);
  expect(lock.packages['node_modules/@a/linux-x64-musl']).toEqual({
    version: '1.2.3',
    cpu: ['x64'],
    dev: true,
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  });
});
