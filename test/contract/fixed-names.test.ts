import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';

import { costsTable } from '../../infra/aws/costs.ts';
import { fixedNames } from '../support/fixed-names.ts';
import { templatesOf } from '../support/in-a-process.ts';
import { stageNames } from '../support/stacks.ts';

let templates: Awaited<ReturnType<typeof templatesOf<(typeof stageNames)[number]>>>;
beforeAll(async () => {
  templates = await templatesOf(stageNames);
}, 120_000);

/**
 * What is deployed is found again by these names: a logical id that changes is a resource deleted and another made, and an
 * export that changes its name fails every stack that imports it. New names are added to the file; none in it may change.
 */
describe('the names of what is deployed', () => {
  const lines = (names: ReturnType<typeof fixedNames>): string[] => [
    ...names.exports.map((name) => `exports ${name}`),
    ...(['broker', 'functions'] as const).flatMap((stack) =>
      Object.entries(names[stack]).map(([id, what]) => `${stack} ${id}: ${what}`),
    ),
  ];
  const listed = lines(
    JSON.parse(readFileSync('test/contract/fixed-names.json', 'utf8')) as ReturnType<typeof fixedNames>,
  );

  test('are what they were, wherever the code that makes them has moved', () => {
    const now = new Set(lines(fixedNames(templates)));
    expect(listed.filter((line) => !now.has(line))).toEqual([]);
  });

  test('are all on the list, so that a new one is kept from now on', () => {
    const known = new Set(listed);
    expect(lines(fixedNames(templates)).filter((line) => !known.has(line))).toEqual([]);
  });
});

test('the costs in docs/deploy.md are those of the templates (npm run stages writes them)', () => {
  const [, table = ''] = readFileSync('docs/deploy.md', 'utf8').split('<!-- costs -->');
  // Prettier aligns the columns.
  const plain = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim();
  expect(plain(table)).toBe(plain(costsTable(templates)));
});
