import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, describe, expect, test } from '@jest/globals';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { aCheckout } from '../support/packages.ts';

const SOURCES = ['functions', 'infra', 'lib', 'test'];

/** Regular expressions that match code which uses a file path as a URL or as part of a command. */
const MISTAKES: readonly [what: string, pattern: RegExp][] = [
  ['a file URL is used as a path; use fileURLToPath', /import\.meta\.url\)\s*\.(pathname|href\.(slice|replace))/],
  ['a file URL is edited as text; use fileURLToPath', /import\.meta\.url\s*\.(slice|replace|split|substring)/],
  ['a file URL is built from text; use pathToFileURL', /file:\/\/\/?(\$\{|['"`]\s*\+)/],
  [
    'a path is imported; use pathToFileURL',
    /\bimport\(\s*(resolve|join)\(|\bimport\(\$\{JSON\.stringify\((resolve|join)\(/,
  ],
  [
    'esbuild takes an asterisk in an entry point for a glob; use absWorkingDir',
    /entryPoints: \[(entry\]|(join|resolve|fileURLToPath)\()/,
  ],
  ['a command line is built from text; pass the arguments as an array', /\b(execSync|exec)\(\s*`|shell: true/],
];

const sources = SOURCES.flatMap((folder) =>
  readdirSync(join(rootDirectory, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => /\.(ts|mjs|cjs)$/.test(name) && !name.includes('node_modules')),
);

describe('a clone of the repository at a path with special characters', () => {
  const { directory: clone, remove } = aCheckout();
  for (const part of ['test/jest.config.mjs', 'test/support'])
    cpSync(join(rootDirectory, part), join(clone, part), { recursive: true });
  afterAll(remove);

  test('no source file uses a file path as a URL, as a glob or as part of a shell command', () => {
    const found = sources
      .filter((name) => !name.endsWith('any-path.test.ts'))
      .flatMap((name) => {
        const text = readFileSync(join(rootDirectory, name), 'utf8');
        return MISTAKES.filter(([, pattern]) => pattern.test(text)).map(([what]) => `${name}: ${what}`);
      });
    expect(found).toEqual([]);
    expect(sources.length).toBeGreaterThan(100);
  });

  test('npm start in a directory with a question mark in its path prints one error line, because tsx cannot load files from such a path', () => {
    const command = join(clone, 'what?', 'infra/dev/run.mjs');
    cpSync(join(rootDirectory, 'infra/dev'), join(clone, 'what?', 'infra/dev'), { recursive: true });
    const { status, stderr } = spawnSync(process.execPath, [command, 'start'], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^surehop: the path .*what\? contains a question mark, .*; move the project\n$/);
  });

  test('the definitions of tables and functions can be read in a clone whose path contains special characters', () => {
    const module = pathToFileURL(join(clone, 'infra/dev/definitions/read-definitions.ts')).href;
    const program = `const { readDefinitions } = await import(${JSON.stringify(module)});
      const { tables, service } = await readDefinitions(process.cwd(), 'prefix-');
      console.log(tables.length > 0, service.functions['healthz'].handler);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      cwd: clone,
      encoding: 'utf8',
    });
    expect([stderr, stdout]).toEqual(['', 'true functions/operations/healthz.handler\n']);
  });

  test('a failing test in a clone whose path contains special characters is reported with its file and line', () => {
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
