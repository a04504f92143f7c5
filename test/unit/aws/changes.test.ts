import { describe, expect, test } from '@jest/globals';

import { compareTemplates } from '../../../infra/aws/changes/compare.ts';
import { conflictsOf } from '../../../infra/aws/changes/conflicts.ts';
import { refusals } from '../../../infra/aws/changes/refuse.ts';
import type { Resource, Template, Value } from '../../../infra/aws/template.ts';

type Resources = Record<string, Resource>;

const template = (Resources: Resources, Outputs: Record<string, unknown> = {}): Template => ({ Resources, Outputs });

const broker = (properties: Record<string, Value> = {}): Resource => ({
  Type: 'AWS::AmazonMQ::Broker',
  Properties: { BrokerName: 'shop', DeploymentMode: 'SINGLE_INSTANCE', EngineVersion: '4.3', ...properties },
});

const table = (TableName: string, more: Partial<Resource> = {}): Resource => ({
  Type: 'AWS::DynamoDB::Table',
  DeletionPolicy: 'Retain',
  Properties: { TableName },
  ...more,
});

const compare = (before: Resources, after: Resources) => compareTemplates(template(before), template(after));

describe('comparing two templates', () => {
  test('compareTemplates finds no changes if two templates differ only in the order of properties', () => {
    const one = { Broker: broker({ HostInstanceType: 'mq.m7g.medium' }) };
    expect(compare(one, structuredClone(one))).toEqual([]);
    const turned = { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'a', DisplayName: 'b' } };
    const other = { Type: 'AWS::SNS::Topic', Properties: { DisplayName: 'b', TopicName: 'a' } };
    expect(compare({ Topic: turned }, { Topic: other })).toEqual([]);
  });

  test('compareTemplates reports a resource with a changed property as updated, or as replaced if the property is create-only', () => {
    expect(compare({ Broker: broker() }, { Broker: broker({ HostInstanceType: 'mq.m7g.large' }) })).toEqual([
      { id: 'Broker', type: 'AWS::AmazonMQ::Broker', effect: 'updated', properties: ['HostInstanceType'] },
    ]);
    expect(compare({ Broker: broker() }, { Broker: broker({ SubnetIds: ['a'] }) })).toEqual([
      { id: 'Broker', type: 'AWS::AmazonMQ::Broker', effect: 'replaced', properties: ['SubnetIds'] },
    ]);
  });

  test('compareTemplates reports a property as changed if it now refers to a different resource', () => {
    const subnet = (id: string): Resource => ({ Type: 'AWS::EC2::Subnet', Properties: { VpcId: { Ref: id } } });
    expect(compare({ Subnet: subnet('One') }, { Subnet: subnet('Other') })).toMatchObject([
      { effect: 'replaced', properties: ['VpcId'] },
    ]);
  });

  test('compareTemplates reports a resource as replaced if one of its create-only properties refers, directly or indirectly, to a replaced resource', () => {
    const at = (CidrBlock: string): Resources => ({
      Broker: broker({ SubnetIds: [{ 'Fn::Join': ['', [{ Ref: 'Subnet' }]] }] }),
      Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: { 'Fn::GetAtt': ['Network', 'VpcId'] } } },
      Network: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock } },
      Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: { AlarmName: { 'Fn::Sub': '${Other}-${AWS::StackName}' } } },
    });
    expect(compare(at('10.0.0.0/16'), at('10.1.0.0/16')).map(({ id, effect }) => [id, effect])).toEqual([
      ['Network', 'replaced'],
      ['Subnet', 'replaced'],
      ['Broker', 'replaced'],
    ]);
  });

  test('compareTemplates reports created and deleted resources', () => {
    expect(compare({ Old: table('a') }, { New: table('b') }).map(({ id, effect }) => [id, effect])).toEqual([
      ['Old', 'deleted'],
      ['New', 'created'],
    ]);
  });
});

describe('rejected deployments', () => {
  const reasons = (before: Resources, after: Resources) => refusals(template(before), template(after));

  test('a deployment that would replace the broker is rejected with an error that names the setting which causes the replacement', () => {
    const cluster = broker({ DeploymentMode: 'CLUSTER_MULTI_AZ', SubnetIds: ['a', 'b', 'c'] });
    expect(reasons({ Broker: broker({ SubnetIds: ['a'] }) }, { Broker: cluster })).toEqual([
      expect.stringMatching(
        /^broker\.deployment of the deployed stage is SINGLE_INSTANCE .* cannot become CLUSTER_MULTI_AZ: /,
      ),
    ]);
  });

  test('a deployment is rejected if it would downgrade the broker, but not if it upgrades the broker', () => {
    const [old, recent] = [{ Broker: broker({ EngineVersion: '4.9' }) }, { Broker: broker({ EngineVersion: '4.10' }) }];
    expect(reasons(recent, old)).toEqual([
      expect.stringMatching(/^broker\.engineVersion of the deployed stage is 4\.10 .* cannot become 4\.9/),
    ]);
    expect(reasons(old, recent)).toEqual([]);
  });

  test('a deployment that renames a DynamoDB table is rejected', () => {
    expect(reasons({ Orders: table('orders') }, { Orders: table('purchases') })).toEqual([
      'this deployment would replace Orders (TableName), which loses its items',
    ]);
  });

  test('a deployment that removes a secret from the template is rejected, unless the secret has the deletion policy Retain', () => {
    const secret: Resource = { Type: 'AWS::SecretsManager::Secret', Properties: { Name: 'keys' } };
    expect(reasons({ Keys: secret }, {})).toEqual(['this deployment would delete Keys, which loses its value']);
    expect(reasons({ Keys: { ...secret, DeletionPolicy: 'Retain' } }, {})).toEqual([]);
  });

  test('a comparison with an empty template rejects no resource, so the first deployment of a stack is never rejected', () => {
    expect(reasons({}, { Broker: broker(), Orders: table('orders') })).toEqual([]);
  });
});

describe('conflicts of a deployment', () => {
  const none: Template = template({});
  const conflicts = (parts: { broker?: [Template, Template]; functions?: [Template, Template] }) => {
    const { broker = [none, none], functions = [none, none] } = parts;
    return conflictsOf({
      before: { broker: broker[0], functions: functions[0] },
      after: { broker: broker[1], functions: functions[1] },
      changes: {
        broker: compareTemplates(broker[0], broker[1]),
        functions: compareTemplates(functions[0], functions[1]),
      },
    });
  };
  const exporting = (value: Value, resources: Resources = {}) =>
    template(resources, { Pool: { Value: value, Export: { Name: 'pool' } } });
  const importing = template({
    Api: { Type: 'AWS::ApiGatewayV2::Authorizer', Properties: { Name: { 'Fn::ImportValue': 'pool' } } },
  });

  test('conflictsOf reports a deployment that removes or changes a stack export that the deployed functions import, even if the new functions do not import it', () => {
    expect(conflicts({ broker: [exporting('a'), template({})], functions: [importing, none] })).toEqual([
      'the export pool would be removed while the functions import it',
    ]);
    expect(conflicts({ broker: [exporting('a'), exporting('b')], functions: [importing, none] })).toEqual([
      'the export pool would change while the functions import it',
    ]);
    expect(conflicts({ broker: [exporting('a'), exporting('a')], functions: [importing, importing] })).toEqual([]);
    expect(conflicts({ broker: [exporting('a'), template({})] })).toEqual([]);
  });

  test('conflictsOf reports a deployment that replaces a resource whose ARN another stack imports', () => {
    const at = (name: string) =>
      exporting({ 'Fn::GetAtt': ['Broker', 'Arn'] }, { Broker: broker({ BrokerName: name }) });
    expect(conflicts({ broker: [at('a'), at('b')], functions: [importing, importing] })).toEqual([
      'the export pool would change while the functions import it',
    ]);
  });

  test('an event source mapping that names no virtual host can be updated, because Lambda refuses only updates with a virtual host', () => {
    const source = (BatchSize: number, configurations: Resource['Properties']) =>
      template({ Source: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { BatchSize, ...configurations } } });
    const updated = (configurations: Resource['Properties'] = {}) =>
      conflicts({ functions: [source(1, configurations), source(2, configurations)] });
    const login = { Type: 'BASIC_AUTH', URI: 'arn' };
    expect(updated()).toEqual([]);
    expect(updated({ SourceAccessConfigurations: [login] })).toEqual([]);
    expect(
      updated({ SourceAccessConfigurations: [login, { Type: 'VIRTUAL_HOST', URI: '/' }] }).map(
        (line) => line.split(':')[0],
      ),
    ).toEqual(['Source cannot be updated']);
  });

  test('conflictsOf reports an import of a value that no stack exports', () => {
    expect(conflicts({ functions: [none, importing] })).toEqual(['nothing exports pool']);
  });

  test('conflictsOf reports a deployment that creates a resource with the name of an existing resource', () => {
    expect(
      conflicts({
        broker: [template({ Broker: broker() }), template({ Broker: broker({ DeploymentMode: 'CLUSTER_MULTI_AZ' }) })],
      }),
    ).toEqual([expect.stringMatching(/^Broker would have the same identity as Broker, which still exists/)]);
  });

  test('conflictsOf reports a deployment that moves an SNS subscription to another logical id', () => {
    const subscriptions = (...addresses: string[]) =>
      template(
        Object.fromEntries(
          addresses.map((Endpoint, index) => [
            `Email${index}`,
            { Type: 'AWS::SNS::Subscription', Properties: { Endpoint, Protocol: 'email', TopicArn: { Ref: 'Topic' } } },
          ]),
        ),
      );
    expect(conflicts({ broker: [subscriptions('one', 'two'), subscriptions('two')] })).toEqual([
      expect.stringMatching(/^Email0 would have the same identity as Email1/),
    ]);
  });

  test('conflictsOf reports an update of an event source mapping that names a virtual host, because Lambda accepts a virtual host only when a mapping is created', () => {
    const source = (BatchSize: number, ...more: Value[]) =>
      template({
        Source: {
          Type: 'AWS::Lambda::EventSourceMapping',
          Properties: { BatchSize, SourceAccessConfigurations: [{ Type: 'BASIC_AUTH', URI: 'secret' }, ...more] },
        },
      });
    const host = { Type: 'VIRTUAL_HOST', URI: '/' };
    expect(conflicts({ functions: [source(1, host), source(2, host)] })).toEqual([
      expect.stringMatching(/^Source cannot be updated: it names a virtual host/),
    ]);
    expect(conflicts({ functions: [source(1), source(2)] })).toEqual([]);
  });
});
