import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

const manifest = JSON.parse(readFileSync('lib/package.json', 'utf8')) as { readonly exports: Record<string, string> };

test('the path of the file of each public module of the package surehop ends with the name of the module', () => {
  const modules = Object.entries(manifest.exports).filter(([subpath]) => subpath !== '.');
  expect(modules.length).toBeGreaterThan(20);
  const misplaced = modules.filter(([subpath, file]) => {
    const name = subpath.slice('.'.length);
    return !file.endsWith(`${name}.ts`) && !file.endsWith(`${name}/index.ts`);
  });
  expect(misplaced).toEqual([]);
});
