import { afterEach, expect, jest, test } from '@jest/globals';

import { tableResources } from '../../../infra/aws/foundation/tables.ts';
import { commonEnvironment } from '../../../infra/aws/service/environment.ts';
import { readStage } from '../../../infra/stages/read-stage.ts';
import { tables } from '../../../infra/tables.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import type { Add } from '../../../lib/inbox/decision.ts';

const before = { ...process.env };
afterEach(() => {
  process.env = { ...before };
  jest.resetModules();
});

test('the tables in infra/tables.ts are exactly the tables that infra/aws/foundation/tables.ts deploys', () => {
  const names = Object.values(tableResources('')).map(({ Properties }) => Properties!['TableName'] as string);
  expect(Object.keys(tables).toSorted()).toEqual(names.toSorted());
});

test.each(['local', 'prod'])('the environment of each function in the stage %s lists the deployed tables', (stage) => {
  const environment = commonEnvironment('surehop', stage, readStage(stage === 'local' ? 'dev' : stage));
  expect(readAllSettings(environment).DEPLOYED_TABLES?.toSorted()).toEqual(Object.keys(tables).toSorted());
});

test('code that names a table which does not exist does not compile', () => {
  const effect = { kind: 'add', key: { sku: 'a' }, attribute: 'available', by: 1 } as const;
  const sound: Add = { ...effect, table: tables.stock };
  // @ts-expect-error there is no table with the name stokc
  const misspelt: Add = { ...effect, table: tables.stokc };
  // @ts-expect-error a table name is not accepted in place of the table object
  const text: Add = { ...effect, table: 'stock' };
  expect([sound.table, misspelt.table, text.table]).toEqual(['stock', undefined, 'stock']);
});

test.each([
  ['lacks a table that the code defines', 'inbox,orders,stock,awards,audit,dead-letters', /: points; it has inbox/],
  ['lacks the inbox', 'orders,stock,points,awards,audit,dead-letters', /: inbox; it has/],
])('a consumer fails at its start if the deployment %s', async (_, DEPLOYED_TABLES, message) => {
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  Object.assign(process.env, { POWERTOOLS_DEV: 'true', POWERTOOLS_METRICS_DISABLED: 'true', DEPLOYED_TABLES });
  await expect(import('../../../functions/orders/award-points.ts')).rejects.toMatchObject({
    code: 'TABLE_MISSING',
    message: expect.stringMatching(message),
  });
});

test.each([undefined, Object.keys(tables).join(',')])(
  'a consumer starts if the environment variable DEPLOYED_TABLES is %s',
  async (DEPLOYED_TABLES) => {
    if (DEPLOYED_TABLES) process.env.DEPLOYED_TABLES = DEPLOYED_TABLES;
    await expect(import('../../../functions/orders/award-points.ts')).resolves.toHaveProperty('handler');
  },
);
