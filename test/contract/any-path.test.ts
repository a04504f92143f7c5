import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { rootDirectory } from '../../infra/local/parts/directories.ts';
import { aHostileDirectory } from '../support/hostile-directory.ts';

const SOURCES = ['functions', 'infra', 'lib', 'test'];

/** Takes a path for a URL or a URL for a path: `%41` and `#` in it become something else, `订单` becomes `%E8…`. */
const MISTAKES: readonly [what: string, pattern: RegExp][] = [
  ['a file URL is used as a path: take fileURLToPath', /import\.meta\.url\)\s*\.(pathname|href\.(slice|replace))/],
  ['a file URL is taken apart: take fileURLToPath', /import\.meta\.url\s*\.(slice|replace|split|substring)/],
  ['a file URL is put together: take pathToFileURL', /['"`]file:\/\/['"`]?\s*(\+|\$\{)|`file:\/\/\/?\$\{/],
  [
    'a path is imported: take pathToFileURL',
    /\bimport\(\s*(resolve|join)\(|\bimport\(\$\{JSON\.stringify\((resolve|join)\(/,
  ],
  ['a command line is put together: give arguments one by one', /\b(execSync|exec)\(\s*`|shell: true/],
];

const sources = SOURCES.flatMap((folder) =>
  readdirSync(join(rootDirectory, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => /\.(ts|mjs|cjs)$/.test(name) && !name.includes('node_modules')),
);

describe('a clone at any path', () => {
  let clone: string;
  beforeAll(() => {
    clone = aHostileDirectory('clone');
    for (const part of ['lib', 'test/jest.config.mjs', 'test/support', 'package.json', 'tsconfig.json'])
      cpSync(join(rootDirectory, part), join(clone, part), { recursive: true });
    symlinkSync(join(rootDirectory, 'node_modules'), join(clone, 'node_modules'));
  });
  afterAll(() => rmSync(dirname(clone), { recursive: true }));

  test('is not broken by a source that takes a path for a URL, a pattern or a command', () => {
    const found = sources
      .filter((name) => !name.endsWith('any-path.test.ts'))
      .flatMap((name) => {
        const text = readFileSync(join(rootDirectory, name), 'utf8');
        return MISTAKES.filter(([, pattern]) => pattern.test(text)).map(([what]) => `${name}: ${what}`);
      });
    expect(found).toEqual([]);
    expect(sources.length).toBeGreaterThan(100);
  });

  test('is refused in one line where its path has a question mark, which tsx cannot load from', () => {
    const command = join(clone, 'what?', 'infra/local/run.mjs');
    cpSync(join(rootDirectory, 'infra/local/run.mjs'), command);
    const { status, stderr } = spawnSync(process.execPath, [command, 'start'], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^surehop: .*what\? has a question mark, .*; move the clone\n$/);
  });

  test('runs its tests, and shows where one of them fails', () => {
    mkdirSync(join(clone, 'test/unit'));
    writeFileSync(
      join(clone, 'test/unit/sample.test.ts'),
      `import { expect, test } from '@jest/globals';
import { systemClock } from '../../lib/clock.ts';

test('holds', () => expect(systemClock.now()).toBeGreaterThan(0));
test('fails', () => {
  const nothing: number = 1;
  expect(nothing).toBe(2);
});`,
    );
    const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
    const { stderr } = spawnSync(
      process.execPath,
      ['--experimental-vm-modules', jest, '--config', join(clone, 'test/jest.config.mjs')],
      { cwd: clone, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined } },
    );
    expect(stderr).toContain('1 failed, 1 passed, 2 total');
    expect(stderr).toContain('test/unit/sample.test.ts:7:19)');
  });
});
