import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';

import { localDirectory } from '../../infra/dev/runtime/directories.ts';
import { linkPackages } from '../support/link-packages.ts';

const root = resolve('.');
const guide = readFileSync(join(root, 'docs/guides/make-it-yours.md'), 'utf8');
let copy: string;
let tracked: string[];

const edit = (file: string, change: (text: string) => string) => {
  const path = join(copy, file);
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  expect([file, after]).not.toEqual([file, before]);
  writeFileSync(path, after);
};

const isSame = (file: string) =>
  existsSync(join(copy, file)) && readFileSync(join(copy, file)).equals(readFileSync(join(root, file)));

const canReadFiles = (test: string) => /'node:(fs|child_process)/.test(readFileSync(join(root, test), 'utf8'));

const run = (tool: string, ...args: string[]) => {
  try {
    execFileSync(process.execPath, args, { cwd: copy, encoding: 'utf8', stdio: 'pipe' });
    return '';
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `${tool}: ${stdout}${stderr}`;
  }
};

/** Carries out the steps of docs/guides/make-it-yours.md in a copy of the repository. */
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'surehop-yours-'));
  tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
  for (const file of tracked) cpSync(join(root, file), join(copy, file), { recursive: true });
  linkPackages(copy);

  for (const [, commands] of guide.matchAll(/```sh\n(.*?)```/gs))
    execFileSync('sh', ['-e', '-c', commands!], { cwd: copy });
  for (const [, file, text] of guide.matchAll(/`((?:infra|functions)\/\S+\.ts)`:\n\n```ts\n(.*?)```/gs))
    writeFileSync(join(copy, file!), text!);

  for (const stage of ['dev', 'staging', 'prod', 'local'])
    edit(`infra/stages/${stage}.ts`, (text) => text.replace(/settings: \{ MAX_STOCK: [\d_]+ \}/, 'settings: {}'));
  edit('functions/operations/openapi.ts', (text) =>
    text.replace(/^import .*\borderRoutes\b.*\n/m, '').replace('...orderRoutes, ', ''),
  );
  edit('infra/dev/run.mjs', (text) => text.replace(/^ {2}(demo|order|faults|soak|bench): .*\n/gm, ''));
  edit('serverless.yml', (text) => {
    const document = parseDocument(text.replace(/^ *stock-write: .*\n/m, ''));
    const { functions } = parseDocument(text).toJS({ maxAliasCount: -1 }) as {
      functions: Record<string, { handler: string }>;
    };
    for (const [key, { handler }] of Object.entries(functions))
      if (handler.startsWith('functions/orders/')) document.deleteIn(['functions', key]);
    return String(document);
  });
}, 120_000);

afterAll(() => rmSync(copy, { recursive: true, force: true }));

test('after the reference service has been removed, no source file outside infra/create contains names of that service: the words "orderId", "sku" and "stock", and the string literal "points"', () => {
  const sources = ['lib', 'functions', 'infra'].flatMap((folder) =>
    readdirSync(join(copy, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  const naming = sources
    // infra/create contains the project that it creates for a user, which has orders of its own.
    .filter((file) => file.endsWith('.ts') && !file.startsWith('infra/create/'))
    .filter((file) => /\b(orderId|sku|stock)\b|['"`]points['"`]/.test(readFileSync(join(copy, file), 'utf8')));
  expect(naming).toEqual([]);
});

test('without the reference service, the rest of the repository type-checks', () => {
  expect(run('tsc', 'node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json')).toBe('');
}, 300_000);

test('after the reference service is removed, the remaining imports in the repository still satisfy the lint rules', () => {
  expect(run('oxlint', 'node_modules/oxlint/bin/oxlint', '--deny-warnings')).toBe('');
}, 120_000);

test('after the reference service is removed, every unit test of the toolkit that the removal can affect still passes', () => {
  const folders = [
    'archive',
    'consumer',
    'crash-loop',
    'dead-letters',
    'events',
    'inbox',
    'operations',
    'ordering',
    'rabbitmq',
    'runtime',
  ];
  // The tests of the repository have transformed most of these files before.
  const cache = `--cacheDirectory=${join(localDirectory, 'jest')}`;
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const jest = [...flags, 'node_modules/jest/bin/jest.js', '--config', 'test/jest.config.mjs', cache];
  // Every other unit test has the same result in the copy as in the repository, where npm test runs the test.
  const changed = tracked.filter((file) => !isSame(file));
  const related = execFileSync(process.execPath, [...jest, '--listTests', '--findRelatedTests', ...changed], {
    cwd: root,
    encoding: 'utf8',
  });
  const dependent = new Set(related.split('\n').map((file) => relative(root, file)));
  const tests = tracked
    .filter((file) => folders.some((folder) => file.startsWith(`test/unit/${folder}/`)) && file.endsWith('.test.ts'))
    .filter((file) => dependent.has(file) || !isSame(file) || canReadFiles(file));
  expect(tests).toContain('test/unit/rabbitmq/policies.test.ts');
  expect(run('jest', ...jest, '--maxWorkers', '2', '--runTestsByPath', ...tests)).toBe('');
}, 600_000);
