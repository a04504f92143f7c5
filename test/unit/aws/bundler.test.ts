import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bundle } from '../../../infra/aws/bundler/bundle.ts';
import { zipFiles } from '../../../infra/aws/bundler/zip.ts';
import { aHostileDirectory } from '../../support/hostile-directory.ts';

describe('the bundler', () => {
  let root: string;
  const outDirectory = () => join(root, '.build');

  beforeAll(async () => {
    root = aHostileDirectory('bundler');
    await mkdir(join(root, 'functions/orders'), { recursive: true });
    await writeFile(join(root, 'functions/orders/rule.cjs'), `exports.sep = require('path').sep;`);
    await writeFile(
      join(root, 'functions/orders/place-order.ts'),
      `import { sep } from './rule.cjs'; export const handler = async (name: string): Promise<string> => name + sep;`,
    );
    await writeFile(join(root, 'functions/orders/broken.ts'), `\nexport const handler = ;`);
  });
  afterAll(() => rm(dirname(root), { recursive: true }));

  test('the bundler creates one self-contained module per handler, including CommonJS dependencies', async () => {
    const metafile = await bundle({ root, entries: ['functions/orders/place-order'], outDirectory: outDirectory() });
    const file = join(outDirectory(), 'functions/orders/place-order.mjs');
    expect(Object.keys(metafile.outputs)).toContain('.build/functions/orders/place-order.mjs');
    // The test runs the bundle in Node.js, because the module system of Jest would resolve imports that the bundle lacks.
    const { execFileSync } = await import('node:child_process');
    const script = `import(${JSON.stringify(pathToFileURL(file).href)}).then(async (m) => console.log(await m.handler('a')))`;
    expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })).toBe('a/\n');
  });

  test('the bundler puts dynamically imported code into a separate file', async () => {
    await writeFile(join(root, 'functions/orders/seldom.ts'), `export const seldom = 'needed once in a while';`);
    await writeFile(
      join(root, 'functions/orders/lazy.ts'),
      `export const handler = async (): Promise<string> => (await import('./seldom.ts')).seldom;`,
    );
    await bundle({ entries: ['functions/orders/lazy'], root, outDirectory: outDirectory() });
    const file = join(outDirectory(), 'functions/orders/lazy.mjs');
    expect(await readFile(file, 'utf8')).not.toContain('once in a while');
    const { execFileSync } = await import('node:child_process');
    const script = `import(${JSON.stringify(pathToFileURL(file).href)}).then(async (m) => console.log(await m.handler()))`;
    expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })).toBe('needed once in a while\n');
  });

  test('the bundler omits a module that only an unused export of a library imports dynamically', async () => {
    const library = join(root, 'node_modules/library');
    await mkdir(library, { recursive: true });
    await writeFile(join(library, 'package.json'), `{ "type": "module", "main": "index.js", "sideEffects": false }`);
    await writeFile(
      join(library, 'index.js'),
      `export const small = 'small'; export const large = () => import('./large.js');`,
    );
    await writeFile(join(library, 'large.js'), `export const text = 'very large';`);
    await writeFile(join(root, 'functions/orders/small.ts'), `export { small as handler } from 'library';`);
    await writeFile(join(root, 'functions/orders/large.ts'), `export { large as handler } from 'library';`);
    const filesOf = async (entry: string) =>
      Object.keys((await bundle({ entries: [entry], root, outDirectory: outDirectory() })).outputs);
    expect((await filesOf('functions/orders/large')).filter((file) => file.includes('/chunks/large-'))).toHaveLength(2);
    expect(await filesOf('functions/orders/small')).toEqual([
      '.build/functions/orders/small.mjs.map',
      '.build/functions/orders/small.mjs',
    ]);
  });

  test("the bundler leaves out the AWS SDK's module for event streams unless a client imports the module", async () => {
    const sdk = join(root, 'node_modules/@smithy/core');
    const submodules = join(sdk, 'dist-es/submodules');
    await mkdir(join(submodules, 'protocols'), { recursive: true });
    await mkdir(join(submodules, 'event-streams'), { recursive: true });
    const exports = {
      './protocols': './dist-es/submodules/protocols/HttpProtocol.js',
      './event-streams': './dist-es/submodules/event-streams/index.js',
    };
    await writeFile(join(sdk, 'package.json'), JSON.stringify({ name: '@smithy/core', type: 'module', exports }));
    await writeFile(
      join(submodules, 'protocols/HttpProtocol.js'),
      `export const load = () => import('@smithy/core/event-streams');`,
    );
    await writeFile(join(submodules, 'event-streams/index.js'), `export const serde = 'event streams';`);
    await writeFile(
      join(root, 'functions/orders/without-streams.ts'),
      `export { load as handler } from '@smithy/core/protocols';`,
    );
    await writeFile(
      join(root, 'functions/orders/with-streams.ts'),
      `import { serde } from '@smithy/core/event-streams'; import { load } from '@smithy/core/protocols';
       export const handler = async (): Promise<string> => [serde, (await load()).serde].join();`,
    );
    const without = await bundle({ entries: ['functions/orders/without-streams'], root, outDirectory: outDirectory() });
    expect(Object.keys(without.outputs).filter((file) => file.endsWith('.mjs'))).toEqual([
      '.build/functions/orders/without-streams.mjs',
    ]);
    await bundle({ entries: ['functions/orders/with-streams'], root, outDirectory: outDirectory() });
    const { execFileSync } = await import('node:child_process');
    const file = pathToFileURL(join(outDirectory(), 'functions/orders/with-streams.mjs')).href;
    const script = `import(${JSON.stringify(file)}).then(async (m) => console.log(await m.handler()))`;
    expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })).toBe('event streams,event streams\n');
  });

  test('the bundler reports file and line of a syntax error', async () => {
    const building = bundle({ root, entries: ['functions/orders/broken'], outDirectory: outDirectory() });
    await expect(building).rejects.toThrow('functions/orders/broken.ts:2:24: Unexpected ";"');
  });

  test('the bundler reports a handler without a source file', async () => {
    const building = bundle({ root, entries: ['functions/orders/nowhere'], outDirectory: outDirectory() });
    await expect(building).rejects.toThrow('functions/orders/nowhere.ts does not exist');
  });

  test('zipFiles creates the same bytes for the same content', async () => {
    const names = ['functions/orders/place-order.ts', 'functions/orders/rule.cjs'];
    await zipFiles(root, names, join(root, '1.zip'));
    const source = join(root, names[0]!);
    await writeFile(source, await readFile(source));
    await zipFiles(root, names.toReversed(), join(root, '2.zip'));
    expect((await readFile(join(root, '1.zip'))).equals(await readFile(join(root, '2.zip')))).toBe(true);
  });
});
