import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';

import { fixedNames } from '../support/fixed-names.ts';
import { stageTemplates } from '../support/in-a-process.ts';

let templates: Awaited<ReturnType<typeof stageTemplates>>;
beforeAll(async () => {
  templates = await stageTemplates();
}, 180_000);

/**
 * The file fixed-names.json lists names that must not change after a deployment, because CloudFormation would replace a
 * resource or reject a renamed export.
 */
describe('the names of deployed resources and exports', () => {
  const lines = (names: ReturnType<typeof fixedNames>): string[] => [
    ...names.exports.map((name) => `exports ${name}`),
    ...(['broker', 'functions'] as const).flatMap((stack) =>
      Object.entries(names[stack]).map(([id, what]) => `${stack} ${id}: ${what}`),
    ),
  ];
  const listed = lines(
    JSON.parse(readFileSync('test/contract/fixed-names.json', 'utf8')) as ReturnType<typeof fixedNames>,
  );

  test('every logical id, resource name and export in fixed-names.json is still in the CloudFormation templates', () => {
    const now = new Set(lines(fixedNames(templates)));
    expect(listed.filter((line) => !now.has(line))).toEqual([]);
  });

  test('every logical id, resource name and export in the CloudFormation templates is listed in fixed-names.json', () => {
    const known = new Set(listed);
    expect(lines(fixedNames(templates)).filter((line) => !known.has(line))).toEqual([]);
  });
});
