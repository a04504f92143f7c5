import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, describe, expect, test } from '@jest/globals';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { aCheckout } from '../support/packaged.ts';

const SOURCES = ['functions', 'infra', 'lib', 'test'];

/** Takes a path for a URL or a URL for a path: `%41` and `#` in it become something else, `订单` becomes `%E8…`. */
const MISTAKES: readonly [what: string, pattern: RegExp][] = [
  ['a file URL is used as a path: take fileURLToPath', /import\.meta\.url\)\s*\.(pathname|href\.(slice|replace))/],
  ['a file URL is taken apart: take fileURLToPath', /import\.meta\.url\s*\.(slice|replace|split|substring)/],
  ['a file URL is put together: take pathToFileURL', /file:\/\/\/?(\$\{|['"`]\s*\+)/],
  [
    'a path is imported: take pathToFileURL',
    /\bimport\(\s*(resolve|join)\(|\bimport\(\$\{JSON\.stringify\((resolve|join)\(/,
  ],
  [
    'esbuild takes a star in an entry for a glob: take absWorkingDir',
    /entryPoints: \[(entry\]|(join|resolve|fileURLToPath)\()/,
  ],
  ['a command line is put together: give arguments one by one', /\b(execSync|exec)\(\s*`|shell: true/],
];

const sources = SOURCES.flatMap((folder) =>
  readdirSync(join(rootDirectory, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => /\.(ts|mjs|cjs)$/.test(name) && !name.includes('node_modules')),
);

describe('a clone at any path', () => {
  const { directory: clone, remove } = aCheckout();
  for (const part of ['test/jest.config.mjs', 'test/support'])
    cpSync(join(rootDirectory, part), join(clone, part), { recursive: true });
  afterAll(remove);

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
    const command = join(clone, 'what?', 'infra/dev/run.mjs');
    cpSync(join(rootDirectory, 'infra/dev/run.mjs'), command);
    const { status, stderr } = spawnSync(process.execPath, [command, 'start'], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^surehop: .*what\? has a question mark, .*; move the clone\n$/);
  });

  test('has its definitions read as they are on disk', () => {
    const module = pathToFileURL(join(clone, 'infra/dev/definitions/read-definitions.ts')).href;
    const program = `const { readDefinitions } = await import(${JSON.stringify(module)});
      const { tables, service } = await readDefinitions(process.cwd(), 'prefix-');
      console.log(tables.length > 0, service.functions['reserve-stock'].handler);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      cwd: clone,
      encoding: 'utf8',
    });
    expect([stderr, stdout]).toEqual(['', 'true functions/orders/reserve-stock.handler\n']);
  });

  test('runs its tests, and shows where one of them fails', () => {
    mkdirSync(join(clone, 'test/unit'));
    writeFileSync(
      join(clone, 'test/unit/sample.test.ts'),
      `import { expect, test } from '@jest/globals';
import { systemClock } from '../../lib/runtime/clock.ts';

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
