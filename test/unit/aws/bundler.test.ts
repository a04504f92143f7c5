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

  test('makes one self-contained module per handler, also from CommonJS dependencies', async () => {
    const metafile = await bundle({ root, entries: ['functions/orders/place-order'], outDirectory: outDirectory() });
    const file = join(outDirectory(), 'functions/orders/place-order.mjs');
    expect(Object.keys(metafile.outputs)).toContain('.build/functions/orders/place-order.mjs');
    // Jest's own module system would resolve the import, so Node itself is asked.
    const { execFileSync } = await import('node:child_process');
    const script = `import(${JSON.stringify(pathToFileURL(file).href)}).then(async (m) => console.log(await m.handler('a')))`;
    expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })).toBe('a/\n');
  });

  test('keeps what is imported only when it is needed out of the file that a cold start reads', async () => {
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

  test('names file and line of a mistake', async () => {
    const building = bundle({ root, entries: ['functions/orders/broken'], outDirectory: outDirectory() });
    await expect(building).rejects.toThrow('functions/orders/broken.ts:2:24: Unexpected ";"');
  });

  test('names a handler that has no source', async () => {
    const building = bundle({ root, entries: ['functions/orders/nowhere'], outDirectory: outDirectory() });
    await expect(building).rejects.toThrow('functions/orders/nowhere.ts does not exist');
  });

  test('zips the same content to the same bytes, whenever and wherever', async () => {
    const names = ['functions/orders/place-order.ts', 'functions/orders/rule.cjs'];
    await zipFiles(root, names, join(root, '1.zip'));
    const source = join(root, names[0]!);
    await writeFile(source, await readFile(source));
    await zipFiles(root, names.toReversed(), join(root, '2.zip'));
    expect((await readFile(join(root, '1.zip'))).equals(await readFile(join(root, '2.zip')))).toBe(true);
  });
});
