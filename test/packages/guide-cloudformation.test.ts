import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse, type ScalarTag } from 'yaml';

import type { Template, Value } from '../../infra/aws/template.ts';
import { readAllSettings } from '../../lib/settings.ts';
import { cfnLint, lint } from '../support/cfn-lint.ts';
import { stageTemplates } from '../support/in-a-process.ts';
import { aCheckout } from '../support/packages.ts';
import {
  dependencies,
  ofType,
  properties,
  statementsOf,
  targetOf,
  type Properties,
  type Statement,
  resolveValue,
} from '../support/templates.ts';

const FILE = 'docs/guides/consumer.yaml';

/**
 * Creates a YAML tag for a CloudFormation function such as `!Ref x`, which is parsed into the long form `{ Ref: 'x' }`.
 */
const scalar = (tag: string, value: (text: string) => unknown): ScalarTag => ({ tag, resolve: value });
const tags: ScalarTag[] = [
  scalar('!Ref', (text) => ({ Ref: text })),
  scalar('!Sub', (text) => ({ 'Fn::Sub': text })),
  scalar('!GetAtt', (text) => ({ 'Fn::GetAtt': text.split('.') })),
];

const guide = parse(readFileSync(FILE, 'utf8'), { customTags: tags }) as Template;
let ours: Template;
let broker: Template;

beforeAll(async () => {
  ({
    prod: { functions: ours, broker },
  } = await stageTemplates());
}, 180_000);

const one = (template: Template, id: string) => {
  expect(Object.keys(template.Resources)).toContain(id);
  return template.Resources[id]!;
};

const actionsOf = (role: Template['Resources'][string]) =>
  Object.fromEntries(
    statementsOf(role)
      .filter(({ Sid = '' }) => !Sid.endsWith('Table') || ['inboxTable', 'deadLettersTable'].includes(Sid))
      .map(({ Sid, Effect, Action }) => [Sid, [Effect, [Action].flat()]]),
  );

describe('the CloudFormation template that docs/guides/cloudformation.md describes', () => {
  test("the guide's event source has the same properties as the service's event source, and depends on the topology and the VPC endpoints", () => {
    const [[, mine] = []] = ofType(guide, 'AWS::Lambda::EventSourceMapping');
    const [[, other] = []] = ofType(ours, 'AWS::Lambda::EventSourceMapping');
    expect(Object.keys(properties(mine)).toSorted()).toEqual(Object.keys(properties(other)).toSorted());
    const kinds = (mapping: typeof mine) =>
      (properties(mapping)['SourceAccessConfigurations'] as { Type: string }[]).map(({ Type }) => Type);
    expect(kinds(mine)).toEqual(kinds(other));
    expect(dependencies(mine!)).toEqual(expect.arrayContaining(['BrokerTopology', 'LambdaEndpoint', 'StsEndpoint']));
  });

  test.each([
    ['ConsumerRole', 'ReserveStockRole'],
    ['ApplyTopologyRole', 'ApplyTopologyRole'],
    ['RemoveNetworkRole', 'RemoveNetworkRole'],
  ])("the guide's role %s has the same permissions as the service's role %s", (mine, other) => {
    const [guided, real] = [one(guide, mine), one(ours, other)];
    expect(actionsOf(guided)).toEqual(actionsOf(real));
    expect(properties(guided)['AssumeRolePolicyDocument']).toEqual(properties(real)['AssumeRolePolicyDocument']);
  });

  test("the guide's security groups have the same rules as those of the broker stack", () => {
    const rulesOf = (template: Template) =>
      ['Ingress', 'Egress']
        .flatMap((direction) => ofType(template, `AWS::EC2::SecurityGroup${direction}`))
        .map(([, rule]) => {
          const { GroupId, SourceSecurityGroupId, DestinationSecurityGroupId, CidrIp, FromPort, ToPort, IpProtocol } =
            properties(rule);
          const group = targetOf(GroupId);
          const from = SourceSecurityGroupId ? targetOf(SourceSecurityGroupId) : group;
          const to = SourceSecurityGroupId ? group : (CidrIp ?? targetOf(DestinationSecurityGroupId));
          return `${rule.Type}: ${from} -> ${String(to)} ${String(IpProtocol)} ${String(FromPort)}-${String(ToPort)}`;
        })
        .toSorted();
    expect(rulesOf(guide)).toEqual(rulesOf(broker));
    const groups = ofType(guide, 'AWS::EC2::SecurityGroup');
    expect(groups).toHaveLength(2);
    for (const [id, group] of groups)
      expect([id, properties(group)['SecurityGroupEgress']]).toEqual([
        id,
        properties(broker.Resources[id])['SecurityGroupEgress'],
      ]);
  });

  test("the guide's template has the same VPC endpoints as the broker stack, with policies that allow the same actions", () => {
    const endpointsOf = (template: Template) =>
      Object.fromEntries(
        ofType(template, 'AWS::EC2::VPCEndpoint').map(([id, endpoint]) => {
          const { VpcEndpointType, ServiceName, PrivateDnsEnabled, PolicyDocument } = properties(endpoint);
          const statements = (PolicyDocument as { Statement: (Statement & { Principal: string })[] }).Statement;
          const passed = statements.map(({ Effect, Principal, Action }) => [Effect, Principal, Action]);
          return [id, [VpcEndpointType, resolveValue(ServiceName, {}), PrivateDnsEnabled, passed]];
        }),
      );
    expect(endpointsOf(guide)).toEqual(endpointsOf(broker));
  });

  test("the guide's custom resources have the same properties and timeouts as those of the service", () => {
    for (const [id, other] of [
      ['BrokerTopology', 'BrokerTopology'],
      ['FunctionsNetwork', 'FunctionsNetwork'],
      ['ConsumerEventSourceRemoval', 'ReserveDashstockEventSourceMappingRabbitMQStockRemoval'],
    ] as const) {
      const [guided, real] = [one(guide, id), one(ours, other)];
      // `Code` applies the topology again after each deployment; SAM does that with its own versions.
      const { Code: _, ...expected } = properties(real);
      expect([id, guided.Type, Object.keys(properties(guided)).toSorted()]).toEqual([
        id,
        real.Type,
        Object.keys(expected).toSorted(),
      ]);
      expect([id, properties(guided)['ServiceTimeout']]).toEqual([id, expected['ServiceTimeout']]);
    }
  });

  test("the roles in the guide's template are deleted after the functions' network interfaces", () => {
    expect(dependencies(one(guide, 'ConsumerEventSourceRemoval'))).toEqual(['ConsumerRole']);
    const inNetwork = ofType(guide, 'AWS::Serverless::Function').filter(
      ([, lambda]) => properties(lambda)['VpcConfig'],
    );
    expect(inNetwork).toHaveLength(2);
    for (const [id, lambda] of inNetwork) {
      expect([id, dependencies(lambda)]).toEqual([id, expect.arrayContaining(['FunctionsNetwork'])]);
      expect(dependencies(one(guide, 'FunctionsNetwork'))).toContain(targetOf(properties(lambda)['Role'] as Value));
    }
  });

  test.each(['InboxTable', 'DeadLettersTable'])(
    "the guide's %s has the same properties as the one in the broker stack and is retained",
    (id) => {
      const { TableName: _, ...mine } = properties(one(guide, id));
      const { TableName: __, ...other } = properties(one(broker, id));
      expect(mine).toEqual(other);
      expect(one(guide, id).DeletionPolicy).toBe('Retain');
    },
  );

  test("the functions in the guide's template have valid settings and the same runtime as the service's functions", () => {
    const { Runtime, Architectures } = properties(one(ours, 'ReserveDashstockLambdaFunction'));
    expect((guide as unknown as { Globals: { Function: Properties } }).Globals.Function).toEqual({
      Runtime,
      Architectures,
    });
    const refs = {
      Stage: 'prod',
      BrokerEndpoint: 'amqps://b-1.mq.eu-central-1.on.aws:5671',
      ManagementUrl: 'https://b-1.mq.eu-central-1.on.aws',
      PublisherLogin: 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:publisher',
      AdministratorLogin: 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:administrator',
    };
    for (const [id, lambda] of ofType(guide, 'AWS::Serverless::Function')) {
      const { Variables } = properties(lambda)['Environment'] as { Variables: Value };
      const environment = resolveValue(Variables, { refs }) as Record<string, string>;
      expect([id, readAllSettings(environment)]).toMatchObject([id, { STAGE: 'prod', TABLE_PREFIX: 'stack-' }]);
    }
  });

  test("the commands in the guide create the bundles that the guide's template refers to", () => {
    const blocks = readFileSync('docs/guides/cloudformation.md', 'utf8').matchAll(/```sh\n(.*?)```/gs);
    const commands = [...blocks].map(([, block]) => block!).find((block) => block.includes('esbuild'))!;
    const checkout = aCheckout();
    try {
      execFileSync('bash', ['-euc', commands], { cwd: checkout.directory, stdio: 'pipe' });
      for (const [id, lambda] of ofType(guide, 'AWS::Serverless::Function')) {
        const { CodeUri, Handler } = properties(lambda) as Record<string, string>;
        const [module] = Handler!.split('.');
        const file = join(checkout.directory, CodeUri!, `${module}.mjs`);
        expect([id, existsSync(file)]).toEqual([id, true]);
        expect(readFileSync(file, 'utf8')).toMatch(/export\{[^}]* as handler/);
      }
    } finally {
      checkout.remove();
    }
  }, 60_000);

  test(`cfn-lint reports no problem in the CloudFormation template docs/guides/consumer.yaml${cfnLint ? '' : ' (not run: cfn-lint is not installed; pip install cfn-lint)'}`, () => {
    expect(cfnLint ? lint(cfnLint, [FILE]) : '').toBe('');
  }, 120_000);
});
