import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { cfnLint, lint } from '../support/cfn-lint.ts';
import { stageTemplates } from '../support/in-a-process.ts';
import { aCheckout, packageStack, packageAll, stageNames } from '../support/packages.ts';

describe('serverless package', () => {
  let packaged: Awaited<ReturnType<typeof packageAll>>;

  beforeAll(async () => {
    packaged = await packageAll();
  }, 180_000);

  afterAll(() => packaged?.remove());

  test('serverless package creates the same CloudFormation templates that the contract tests examine', async () => {
    const examined = await stageTemplates();
    for (const stage of stageNames)
      for (const stack of ['broker', 'functions'] as const)
        expect([stage, stack, withoutCode(examined[stage][stack])]).toEqual([
          stage,
          stack,
          withoutCode(packaged.of[stage][stack].template),
        ]);
  }, 180_000);

  const hint = cfnLint ? '' : ' (not run: cfn-lint is not installed; pip install cfn-lint)';
  test(`cfn-lint reports no problem in the CloudFormation templates${hint}`, () => {
    const files = stageNames.flatMap((stage) =>
      Object.values(packaged.of[stage]).map(({ templateFile }) => templateFile),
    );
    expect(cfnLint ? lint(cfnLint, files) : '').toBe('');
  }, 120_000);
});

/** Removes the S3 keys and hashes of the functions' code from a template, because they differ after each packaging. */
const withoutCode = (template: unknown) =>
  JSON.parse(
    JSON.stringify(template)
      .replaceAll(/"S3Key":"[^"]*"/g, '"S3Key":""')
      .replaceAll(/"CodeSha256":"[^"]*"/g, '"CodeSha256":""')
      .replaceAll(/LambdaVersion[A-Za-z0-9]{20,}/g, 'LambdaVersion'),
  ) as unknown;

describe('packaging a stack', () => {
  let checkout: ReturnType<typeof aCheckout>;
  beforeAll(() => {
    checkout = aCheckout({ withoutCode: true });
  });
  afterAll(() => checkout.remove());

  test('packaging a stage with an invalid setting fails, and the error names the setting', async () => {
    const file = join(checkout.directory, 'infra/stages/staging.ts');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace(/batchSize: \d+/, 'batchSize: 0'));
    const fault = 'wrong settings in infra/stages/staging.ts: eventSource.batchSize: ';
    const message = await packageStack(checkout.directory, 'functions', 'staging').then(
      () => '',
      (error: Error) => error.message,
    );
    // Serverless could repeat the error for each setting of the stage.
    expect(message.split(fault)).toHaveLength(2);
    writeFileSync(file, before);
  });

  test('packaging an unknown stage fails, and the error lists the known stages', async () => {
    await expect(packageStack(checkout.directory, 'broker', 'production')).rejects.toThrow(
      /unknown stage "production": deploy one of dev, staging, prod/,
    );
  });

  test('packaging reserves Lambda concurrency for each consumer, and fails if the consumers need more connections than the broker allows', async () => {
    const file = join(checkout.directory, 'infra/stages/prod.ts');
    const settings = readFileSync(file, 'utf8');
    const withConcurrency = (value: string) => settings.replace('concurrency: 1', `concurrency: ${value}`);
    writeFileSync(file, withConcurrency('{ stock: 3 }'));
    const { template } = await packageStack(checkout.directory, 'functions', 'prod');
    const reserved = (id: string) => template.Resources[id]!.Properties!.ReservedConcurrentExecutions;
    expect(reserved('ReserveDashstockLambdaFunction')).toBe(6);
    expect(reserved('AwardDashpointsLambdaFunction')).toBe(2);
    writeFileSync(file, withConcurrency('200'));
    await expect(packageStack(checkout.directory, 'functions', 'prod')).rejects.toThrow(
      /functions and event sources can use only 1000 of the broker's 1500 connections /,
    );
    writeFileSync(file, settings);
  });

  test('packaging fails if a stage leaves out a setting of the service, and the error names the setting', async () => {
    const file = join(checkout.directory, 'infra/stages/prod.ts');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace(/settings: \{[^}]*\}/, 'settings: {} as never'));
    await expect(packageStack(checkout.directory, 'functions', 'prod')).rejects.toThrow(
      /wrong settings in infra\/stages\/prod\.ts: settings: MAX_STOCK: it is missing and must be a whole number/,
    );
    writeFileSync(file, before);
  });

  test('packaging warns of a consumer that calls other systems in its business rule `perform` only if the functions of the stage cannot reach the internet', async () => {
    const handlers = ['award-points', 'reserve-stock'].map((name) =>
      join(checkout.directory, `functions/orders/${name}.ts`),
    );
    const [perform, comment] = handlers as [string, string];
    const before = handlers.map((file) => readFileSync(file, 'utf8'));
    writeFileSync(perform, 'const perform = async () => {};\nexport const handler = { perform };\n');
    writeFileSync(comment, `// { perform: a comment }\n${before[1]}`);
    const { output } = await packageStack(checkout.directory, 'functions', 'staging');
    expect(output).toMatch(
      /The consumer award-points uses perform, but the network of the stage staging has no way out/,
    );
    expect(output).not.toContain('The consumer reserve-stock');
    const inDev = await packageStack(checkout.directory, 'functions', 'dev');
    expect(inDev.output).not.toContain('uses perform');
    for (const [index, file] of handlers.entries()) writeFileSync(file, before[index]!);
  });

  test('packaging fails if the functions need more connections than the broker allows', async () => {
    const file = join(checkout.directory, 'serverless.yml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('connections: 1,', 'connections: 500,'));
    await expect(packageStack(checkout.directory, 'functions', 'dev')).rejects.toThrow(
      /functions and event sources can use only 80 of the broker's 100 connections \(mq\.m7g\.medium, SINGLE_INSTANCE\):/,
    );
  });
});
