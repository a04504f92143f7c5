import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

const manifest = JSON.parse(readFileSync('lib/package.json', 'utf8')) as { readonly exports: Record<string, string> };

test('each public module of the package surehop is in a file of the same name, or in the index.ts of a folder of the same name', () => {
  const modules = Object.entries(manifest.exports).filter(([subpath]) => subpath !== '.');
  expect(modules.length).toBeGreaterThan(20);
  const misplaced = modules.filter(([subpath, file]) => {
    const name = subpath.slice('.'.length);
    return !file.endsWith(`${name}.ts`) && !file.endsWith(`${name}/index.ts`);
  });
  expect(misplaced).toEqual([]);
});
