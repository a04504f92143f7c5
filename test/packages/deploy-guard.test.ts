import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, afterAll, expect, test } from '@jest/globals';

import type { Template } from '../../infra/aws/template.ts';
import { anAwsApi, type AwsApi } from '../support/aws-api.ts';
import { stageTemplates } from '../support/in-a-process.ts';
import { aCheckout, deployStack } from '../support/packages.ts';

const READING = /^(Get|Describe|List)/;

let checkout: ReturnType<typeof aCheckout>;
let deployed: { broker: Template; functions: Template };
let api: AwsApi | undefined;

beforeAll(async () => {
  checkout = aCheckout({ withoutCode: true });
  deployed = (await stageTemplates()).dev;
}, 120_000);

afterEach(() => api?.stop());
afterAll(() => checkout?.remove());

/**
 * Deploys a stack to a simulated AWS account that already contains `stacks`. Returns the error text, which is empty if
 * the deployment succeeds, and the names of the called AWS API actions.
 */
async function deploy(stack: 'broker' | 'functions', stacks: Readonly<Record<string, Template>>) {
  api = await anAwsApi(stacks);
  const said = await deployStack(checkout.directory, stack, 'dev', api.url).then(
    () => '',
    (error: Error) => error.message,
  );
  return { said, asked: api.actions };
}

/**
 * In the test's copy of the sources, replaces `from` with `to` in one file, calls `work`, and then restores the file.
 */
async function withText(file: string, from: string, to: string, work: () => Promise<void>): Promise<void> {
  const path = join(checkout.directory, file);
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
  try {
    await work();
  } finally {
    writeFileSync(path, text);
  }
}

test('a deployment that would replace the broker is refused, and the error names the changed setting', async () => {
  await withText('infra/stages/dev.ts', "deployment: 'SINGLE_INSTANCE'", "deployment: 'CLUSTER_MULTI_AZ'", async () => {
    const { said, asked } = await deploy('broker', { 'surehop-broker-dev': deployed.broker });
    expect(said).toMatch(/broker\.deployment of the deployed stage is SINGLE_INSTANCE and cannot become CLUSTER/);
    expect(asked).toContain('GetTemplate');
    expect(asked.filter((action) => !READING.test(action))).toEqual([]);
  });
}, 120_000);

test('a deployment that would replace a DynamoDB table is refused', async () => {
  await withText(
    'infra/aws/foundation/table-resources.ts',
    'tableResource(tablePrefix + name,',
    "tableResource(tablePrefix + name.replace('orders', 'purchases'),",
    async () => {
      const { said, asked } = await deploy('broker', { 'surehop-broker-dev': deployed.broker });
      expect(said).toContain('this deployment would replace OrdersTable (TableName), which loses its items');
      expect(asked.filter((action) => !READING.test(action))).toEqual([]);
    },
  );
}, 120_000);

test('`serverless deploy` checks the functions stack before it deploys the broker stack', async () => {
  const other: Template = structuredClone(deployed.functions);
  other.Resources['HttpApi'] = { ...other.Resources['HttpApi']!, Type: 'AWS::ApiGateway::RestApi' };
  const { said, asked } = await deploy('functions', { 'surehop-dev': other });
  expect(said).toContain('this deployment would replace HttpApi (Type), which loses the address that clients call');
  expect(asked.filter((action) => !READING.test(action))).toEqual([]);
}, 120_000);

test('a first deployment and a deployment that replaces no resource are allowed', async () => {
  const first = await deploy('broker', {});
  expect(first.asked).toEqual(expect.arrayContaining(['GetTemplate', 'CreateChangeSet']));
  await api?.stop();
  await withText('infra/stages/dev.ts', "instanceType: 'mq.m7g.medium'", "instanceType: 'mq.m7g.large'", async () => {
    const { said, asked } = await deploy('broker', { 'surehop-broker-dev': deployed.broker });
    expect(asked).toEqual(expect.arrayContaining(['GetTemplate', 'CreateChangeSet']));
    expect(said).not.toContain('cannot become');
  });
}, 120_000);

test('a deployment stops if the template of the deployed stack cannot be read', async () => {
  api = await anAwsApi({});
  const { url } = api;
  await api.stop();
  await expect(deployStack(checkout.directory, 'broker', 'dev', url)).rejects.toThrow(
    /cannot read the deployed template of the stack surehop-broker-dev/,
  );
}, 120_000);
