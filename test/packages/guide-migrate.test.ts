import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { writeExamples } from '../support/user-project.ts';

const GUIDE = 'docs/guides/migrate-from-sqs-and-powertools.md';
const benchDirectory = join(rootDirectory, 'test', 'bench');
const tables = { stock: 'sku', idempotency: 'id' };
const client = new DynamoDBClient({ endpoint: process.env.DYNAMODB_ENDPOINT });

/**
 * The table that `npm run bench -- other-libraries` prints. Running the command also installs the libraries that the
 * examples in `GUIDE` import.
 */
let printed: string;
let directory: string;

async function run(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: directory ?? rootDirectory, env });
  return stdout;
}

beforeAll(async () => {
  printed = await run(join(rootDirectory, 'infra/dev/run.mjs'), 'bench', 'other-libraries');
  directory = mkdtempSync(join(benchDirectory, '.guide-'));
  writeExamples(GUIDE, directory);
  for (const [TableName, AttributeName] of Object.entries(tables))
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName, AttributeType: 'S' }],
        KeySchema: [{ AttributeName, KeyType: 'HASH' }],
      }),
    );
}, 600_000);
afterAll(async () => {
  for (const TableName of Object.keys(tables)) await client.send(new DeleteTableCommand({ TableName }));
  rmSync(directory, { recursive: true, force: true });
});

/** Returns the cells of a Markdown table, without the padding. */
const cellsOf = (markdown: string) =>
  [...markdown.matchAll(/^\|(.*)\|$/gm)]
    .map(([, row]) => row!.split('|').map((cell) => cell.trim()))
    .filter(([first]) => !/^-+$/.test(first!));

test('the guide about SQS and Powertools contains the table that npm run bench -- other-libraries prints', () => {
  const guide = readFileSync(join(rootDirectory, GUIDE), 'utf8');
  const [, table] = /other-libraries` gives a batch[\s\S]*?\n\n(\|[\s\S]*?\n)\n/.exec(guide) ?? [];
  expect(cellsOf(table ?? '')).toEqual(cellsOf(printed));
});

test('the Powertools example in the migration guide reserves stock once for an order that is received twice, and reports an order without available stock as failed', async () => {
  await client.send(new PutItemCommand({ TableName: 'stock', Item: { sku: { S: 'apple' }, available: { N: '5' } } }));
  writeFileSync(
    join(directory, 'run.ts'),
    `import { handler } from './before/reserve-stock.ts';
     const record = (messageId, sku) => ({ messageId, body: JSON.stringify({ sku, quantity: 2 }), eventSource: 'aws:sqs' });
     const context = { getRemainingTimeInMillis: () => 60_000, functionName: 'stock' };
     for (const time of ['first', 'second'])
       console.log(JSON.stringify(await handler({ Records: [record('1', 'apple'), record('2', 'pear')] } as never, context as never)));`,
  );
  const reports = (await run('--import', 'tsx', 'run.ts')).trim().split('\n');
  expect(reports).toEqual(Array(2).fill('{"batchItemFailures":[{"itemIdentifier":"2"}]}'));
  const { Item: item } = await client.send(new GetItemCommand({ TableName: 'stock', Key: { sku: { S: 'apple' } } }));
  expect(item).toEqual({ sku: { S: 'apple' }, available: { N: '3' } });
}, 120_000);

test('in the guide about migrating from SQS and Powertools, the tests of the Surehop example pass', async () => {
  const output = await run('--import', 'tsx', '--test', '--test-reporter=tap', 'after/reserve-stock.test.ts');
  expect(output).toContain('# pass 2\n');
  expect(output).toContain('# fail 0\n');
}, 120_000);
