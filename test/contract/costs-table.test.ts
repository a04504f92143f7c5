import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

import { costsTable } from '../../infra/aws/costs.ts';
import { stageTemplates } from '../support/in-a-process.ts';

test('the table of costs in docs/deploy.md matches the CloudFormation templates (update the table with npm run stages)', async () => {
  const [, table = ''] = readFileSync('docs/deploy.md', 'utf8').split('<!-- costs -->');
  // Prettier adds spaces and dashes to align the columns.
  const plain = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim();
  expect(plain(table)).toBe(plain(costsTable(await stageTemplates())));
}, 180_000);
