import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';

import { knownTypes } from '../../infra/aws/changes/compare.ts';
import { createOnly, source } from '../../infra/aws/changes/create-only.ts';
import type { Effect, Unfit } from '../../infra/aws/changes/effects.ts';
import { settings } from '../../infra/aws/changes/settings.ts';
import { settingsTable } from '../../infra/aws/changes/table.ts';
import { moduleAt, resultOf } from '../support/in-a-process.ts';

/**
 * The stages whose settings the tests change: `dev` with a single broker node, and `prod` with a broker cluster and all
 * optional resources.
 */
const STAGES = ['dev', 'prod'];

let effects: Effect[];
let unfit: Unfit[];
let types: string[];

beforeAll(async () => {
  ({ effects, unfit, types } = await resultOf<{ effects: Effect[]; unfit: Unfit[]; types: string[] }>(`
    const { effectsOf } = await import(${moduleAt('infra/aws/changes/effects.ts')});
    const { templatesOf } = await import(${moduleAt('infra/aws/changes/templates.ts')});
    const { readStage } = await import(${moduleAt('infra/stages/read-stage.ts')});
    const all = { effects: [], unfit: [], types: new Set() };
    for (const name of ${JSON.stringify(STAGES)}) {
      const { effects, unfit } = await effectsOf(name, readStage(name));
      all.effects.push(...effects);
      all.unfit.push(...unfit);
      for (const { Resources } of Object.values(await templatesOf(name, readStage(name))))
        for (const { Type } of Object.values(Resources)) all.types.add(Type);
    }
    process.stdout.write(JSON.stringify({ ...all, types: [...all.types] }));`));
}, 600_000);

const title = ({ stage, setting, from, to }: Effect) =>
  `${stage}: ${setting} from ${JSON.stringify(from)} to ${JSON.stringify(to)}`;

const made = () => effects.filter(({ refused }) => refused.length === 0);

describe('changing one setting of a deployed stage', () => {
  test('for every sample value of every setting, packaging either rejects the value or creates templates', () => {
    for (const { path, values } of settings())
      for (const stage of STAGES) {
        const own = effects.filter((effect) => effect.stage === stage && `${effect.setting}.`.startsWith(`${path}.`));
        const tried = new Set(own.flatMap(({ from, to }) => [JSON.stringify(from), JSON.stringify(to)]));
        const refused = unfit.filter((one) => one.stage === stage && one.setting === path);
        for (const { value } of refused) tried.add(JSON.stringify(value));
        expect([stage, path, [...tried]]).toEqual([
          stage,
          path,
          expect.arrayContaining(values.map((value) => JSON.stringify(value))),
        ]);
        expect([path, own.length]).not.toEqual([path, 0]);
      }
  });

  test('packaging with a changed setting fails only if the functions need more connections than the broker allows, and the error names the setting', () => {
    for (const { setting, value, reason } of unfit)
      expect([setting, value, reason]).toEqual([
        setting,
        value,
        expect.stringMatching(/publisherConcurrency|broker\.instanceType/),
      ]);
  });

  test('a changed setting is refused only if it would replace the broker, and the error names the setting', () => {
    const refused = effects.filter((effect) => effect.refused.length > 0);
    for (const effect of refused)
      expect([title(effect), effect.refused]).toEqual([
        title(effect),
        [expect.stringMatching(new RegExp(`^${effect.setting} of the deployed stage is `))],
      ]);
    expect([
      ...new Set(refused.map(({ setting, from, to }) => `${setting}: ${from as string} > ${to as string}`)),
    ]).toEqual(
      expect.arrayContaining([
        'broker.engineVersion: 4.3 > 4.2',
        'broker.deployment: SINGLE_INSTANCE > CLUSTER_MULTI_AZ',
        'broker.deployment: CLUSTER_MULTI_AZ > SINGLE_INSTANCE',
      ]),
    );
    expect(new Set(refused.map(({ setting }) => setting))).toEqual(
      new Set(['broker.engineVersion', 'broker.deployment']),
    );
  });

  test('no accepted change of a setting replaces or deletes a resource that contains data or credentials', () => {
    const precious = [
      'AWS::AmazonMQ::Broker',
      'AWS::ApiGatewayV2::Api',
      'AWS::Cognito::UserPool',
      'AWS::Cognito::UserPoolClient',
      'AWS::Cognito::UserPoolDomain',
      'AWS::DynamoDB::Table',
      'AWS::EC2::VPC',
      'AWS::Logs::LogGroup',
      'AWS::SecretsManager::Secret',
      'AWS::SNS::Topic',
    ];
    for (const type of precious) expect(types).toContain(type);
    const lost = made().flatMap((effect) =>
      effect.changes
        // The public client of the operators' console holds no secret, and is created again with the next change.
        .filter(({ id, type }) => precious.includes(type) && id !== 'ConsoleClient')
        .filter(({ effect: what }) => what === 'replaced' || what === 'deleted')
        .map(({ id, effect: what }) => `${title(effect)}: ${id} is ${what}`),
    );
    expect(lost).toEqual([]);
  });

  test('CloudFormation can apply every setting change that the deployment does not refuse', () => {
    expect(made().flatMap((effect) => effect.conflicts.map((conflict) => `${title(effect)}: ${conflict}`))).toEqual([]);
  });

  test('changing the RabbitMQ version applies the topology again, because the policies for RabbitMQ 4.2 and 4.3 differ', () => {
    const upgrades = made().filter(({ setting }) => setting === 'broker.engineVersion');
    expect(upgrades.length).toBe(STAGES.length);
    for (const { changes } of upgrades)
      expect(changes).toContainEqual(expect.objectContaining({ id: 'BrokerTopology', effect: 'updated' }));
  });

  test('the table in docs/deploy.md shows the effect of changing each setting of a stage (update the table with npm run stages)', () => {
    const [, table] = readFileSync('docs/deploy.md', 'utf8').split(/<!-- stages -->\n/);
    // Prettier adds spaces and dashes to align the columns.
    const plain = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim();
    expect(plain(table ?? '')).toBe(plain(settingsTable(effects)));
  });
});

test('the list of create-only properties covers every resource type in the templates (add types with infra/aws/changes/create-only.py)', () => {
  expect(types.length).toBeGreaterThan(30);
  expect(types.filter((type) => !type.startsWith('Custom::') && !(type in knownTypes))).toEqual([]);
});

const installed = readSchemas();
const current = installed?.source === source ? installed.types : undefined;

test(`the list of create-only properties matches the resource schemas of cfn-lint${
  current ? '' : ` (not compared: ${source} is not installed here, but ${installed?.source ?? 'none'})`
}`, () => {
  expect(current ?? createOnly).toEqual(createOnly);
});

function readSchemas(): { source: string; types: unknown } | undefined {
  try {
    const args = ['infra/aws/changes/create-only.py', '--print'];
    return JSON.parse(execFileSync('python3', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return undefined;
  }
}
