import { describe, expect, test } from '@jest/globals';

import { brokerStackOutputs, brokerStackResources, makeRetainedLast } from '../../infra/aws/foundation/stack.ts';
import { tableResources } from '../../infra/aws/foundation/tables.ts';
import type { Resource } from '../../infra/aws/template.ts';
import { stages } from '../../infra/stages/all.ts';
import { readStage } from '../../infra/stages/read-stage.ts';
import type { Stage } from '../../infra/stages/stage.ts';
import { dependencies, ofType, properties, text } from '../support/templates.ts';

const tables = tableResources('surehop-prod-');

/** Creates the template of the broker stack as the Serverless plugin creates it, but without the deployment bucket. */
function brokerStack(stage: Stage): { Resources: Record<string, Resource>; Outputs: Record<string, unknown> } {
  const resources: Record<string, Resource> = { ...brokerStackResources('surehop', 'prod', stage) };
  makeRetainedLast(resources);
  return { Resources: resources, Outputs: brokerStackOutputs('prod') };
}

/** Returns the ids of all resources that CloudFormation creates before the resource `id`. */
function before(id: string, resources: Readonly<Record<string, Resource>>, found = new Set<string>()): Set<string> {
  const resource = resources[id]!;
  const named = [
    ...text(resource.Properties ?? {}).matchAll(/"(?:Ref":"|Fn::GetAtt":\[")([^"]+)"/g),
    ...text(resource.Properties ?? {}).matchAll(/\$\{([^}!.]+)/g),
  ].map(([, name]) => name!);
  for (const one of [...dependencies(resource), ...named])
    if (one in resources && !found.has(one)) {
      found.add(one);
      before(one, resources, found);
    }
  return found;
}

const variations = Object.keys(stages).flatMap((name) =>
  (['cognito', { issuer: 'https://id.example/realms/shop', audience: 'surehop' }] as const).map(
    (operators) => [`${name}, operators of ${text(operators)}`, { ...readStage(name), operators }] as const,
  ),
);

describe.each(variations)('the CloudFormation template of the broker stack (%s)', (_, stage) => {
  const template = brokerStack(stage);
  const isRetained = (id: string) => template.Resources[id]!.DeletionPolicy === 'Retain';
  const ids = Object.keys(template.Resources);

  test('the DynamoDB tables and the signing keys are retained when the broker stack is deleted', () => {
    const kept = ids.filter(isRetained);
    expect(kept.toSorted()).toEqual([...Object.keys(tables), 'SigningKeys'].toSorted());
    for (const id of [...kept, 'Broker'])
      expect([id, template.Resources[id]!.UpdateReplacePolicy]).toEqual([id, 'Retain']);
  });

  test('no retained resource refers to another resource, and therefore a new stack can import the retained resources', () => {
    for (const id of ids.filter(isRetained)) {
      const { DependsOn: _, ...kept } = template.Resources[id]!;
      expect([id, [...before(id, { ...template.Resources, [id]: kept })]]).toEqual([id, []]);
      // An import and the check before a deployment find a resource by its name.
      const { TableName, Name } = kept.Properties!;
      expect([id, typeof (TableName ?? Name)]).toEqual([id, 'string']);
    }
  });

  test('a failed first deployment leaves no retained resource behind and can therefore be repeated', () => {
    const leftBehind = ids
      .filter((failing) => !isRetained(failing))
      .flatMap((failing) =>
        ids
          .filter((id) => isRetained(id) && !before(id, template.Resources).has(failing))
          .map((id) => `${id} stays where ${failing} fails`),
      );
    expect(leftBehind).toEqual([]);
    expect(before('InboxTable', template.Resources)).toContain('Broker');
  });

  test('the resources of the broker stack have no dependency cycle', () => {
    for (const id of ids) expect([id, before(id, template.Resources).has(id)]).toEqual([id, false]);
  });

  test("the exports of the broker stack are the same for every issuer of operators' tokens", () => {
    const other = brokerStack({ ...stage, operators: { issuer: 'https://other.example', audience: 'other' } });
    expect(template.Outputs).toEqual(other.Outputs);
    for (const id of ['Operators', 'OperatorsClient', 'OperatorsDomain'])
      expect(other.Resources[id]).toEqual(template.Resources[id]);
  });

  test('a network with NAT gateways has only the VPC endpoint for DynamoDB, and one without NAT gateways has five VPC endpoints', () => {
    const services = ofType(template, 'AWS::EC2::VPCEndpoint').map(([, endpoint]) =>
      text(properties(endpoint)['ServiceName']).replace(/.*\.(\w+)"\}$/, '$1'),
    );
    expect(services.toSorted()).toEqual(
      stage.network.exit === 'nat' ? ['dynamodb'] : ['dynamodb', 'lambda', 's3', 'secretsmanager', 'sts'],
    );
  });

  test('every DynamoDB table uses the default encryption key, because AWS charges for requests to other keys', () => {
    for (const [id, table] of ofType(template, 'AWS::DynamoDB::Table'))
      expect([id, properties(table)['SSESpecification']]).toEqual([id, undefined]);
  });
});
