import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

const blocksOf = (file: string) =>
  [...readFileSync(file, 'utf8').matchAll(/^```\w*\n[\s\S]*?^```$/gm)].map(([block]) => block);

test('README.zh-CN.md has the code blocks of README.md, in the same order', () => {
  expect(blocksOf('README.zh-CN.md')).toEqual(blocksOf('README.md'));
});
