import { afterEach, expect, jest, test } from '@jest/globals';

import { tableResources } from '../../../infra/aws/foundation/tables.ts';
import { commonEnvironment } from '../../../infra/aws/service/environment.ts';
import { readStage } from '../../../infra/stages/read-stage.ts';
import { tables } from '../../../infra/tables.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import { toolkitTables } from '../../../lib/dynamodb/toolkit-tables.ts';
import { tables as exampleTables } from '../../support/example/tables.ts';

const allNames = [...toolkitTables, ...Object.values(tables)].map(({ name }) => name);
const before = { ...process.env };
afterEach(() => {
  process.env = { ...before };
  jest.resetModules();
});

test('a deployment creates the tables of infra/tables.ts and the tables of the toolkit', () => {
  const names = Object.values(tableResources('')).map(({ Properties }) => Properties!['TableName'] as string);
  expect(names.toSorted()).toEqual(allNames.toSorted());
});

test.each(['local', 'prod'])('the environment of each function in the stage %s lists the deployed tables', (stage) => {
  const environment = commonEnvironment('surehop', stage, readStage(stage === 'local' ? 'dev' : stage));
  expect(readAllSettings(environment).DEPLOYED_TABLES?.toSorted()).toEqual(allNames.toSorted());
});

async function startConsumer(): Promise<unknown> {
  const { createSurehop } = await import('../../../lib/runtime/surehop.ts');
  const { consumer } = await import('../../../lib/consumer/consumer.ts');
  const { scriptedConsumer } = await import('../../support/scripted-consumer.ts');
  return consumer(createSurehop({ environment: process.env }), scriptedConsumer);
}

const deployedNames = [...allNames, ...Object.values(exampleTables).map(({ name }) => name)];

test.each([
  ['lacks a table that the code defines', 'notices', /: notices; it has inbox/],
  ['lacks the inbox', 'inbox', /: inbox; it has/],
])('a consumer fails on startup if the deployment %s', async (_, missing, message) => {
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const DEPLOYED_TABLES = deployedNames.filter((name) => name !== missing).join(',');
  Object.assign(process.env, { POWERTOOLS_DEV: 'true', DEPLOYED_TABLES });
  await expect(startConsumer()).rejects.toMatchObject({
    code: 'TABLE_MISSING',
    message: expect.stringMatching(message),
  });
});

test.each([undefined, deployedNames.join(',')])(
  'a consumer starts if the environment variable DEPLOYED_TABLES is %s',
  async (DEPLOYED_TABLES) => {
    process.env.AMQP_URL ??= 'amqp://guest:guest@127.0.0.1:5672';
    if (DEPLOYED_TABLES) process.env.DEPLOYED_TABLES = DEPLOYED_TABLES;
    await expect(startConsumer()).resolves.toBeInstanceOf(Function);
  },
);
