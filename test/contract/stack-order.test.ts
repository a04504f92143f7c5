import { beforeAll, describe, expect, test } from '@jest/globals';

import { stageTemplates } from '../support/in-a-process.ts';
import { stackOrder, type StackOrder } from '../support/stack-order.ts';
import { stageNames } from '../support/packages.ts';
import { properties, targetOf } from '../support/templates.ts';

let orders: Record<(typeof stageNames)[number], StackOrder>;

beforeAll(async () => {
  const templates = await stageTemplates();
  orders = Object.fromEntries(stageNames.map((name) => [name, stackOrder(templates[name])])) as typeof orders;
}, 180_000);

describe.each(stageNames)('the order of resources in the CloudFormation templates of the stage %s', (stageName) => {
  let order: StackOrder;
  beforeAll(() => {
    order = orders[stageName];
  });

  const functions = (id: string) => `functions/${id}`;
  const mappings = () => order.ofType('AWS::Lambda::EventSourceMapping');
  const lambdas = () => order.ofType('AWS::Lambda::Function');
  const roleOf = (lambda: string) => functions(targetOf(properties(order.resource(lambda))['Role']));
  const isInNetwork = (lambda: string) => properties(order.resource(lambda))['VpcConfig'] !== undefined;
  const functionOf = (mapping: string) => functions(targetOf(properties(order.resource(mapping))['FunctionName']));
  const behind = (custom: string) => functions(targetOf(properties(order.resource(custom))['ServiceToken']));

  const wrong = (later: readonly string[], earlier: readonly string[]) => {
    expect(later.length * earlier.length).toBeGreaterThan(0);
    return later.flatMap((one) =>
      earlier.flatMap((other) => (order.follows(one, other) ? [] : [`${one} does not wait for ${other}`])),
    );
  };

  test('the resources of the two CloudFormation stacks have no dependency cycle, and no resource of the broker stack depends on a function', () => {
    expect(order.circle).toEqual([]);
    const [broker, rest] = [order.all.filter((name) => name.startsWith('broker/')), lambdas()];
    expect(broker.filter((one) => rest.some((other) => order.follows(one, other)))).toEqual([]);
  });

  test("the administrator's login is created before the broker, and the retained resources are created after the broker", () => {
    expect(wrong(['broker/Broker'], ['broker/AdministratorLogin', 'broker/BrokerConfiguration'])).toEqual([]);
    const retained = order.all.filter((name) => order.resource(name).DeletionPolicy === 'Retain');
    const ofStacks = retained.filter((name) => order.resource(name).Type !== 'AWS::Lambda::Version');
    expect(ofStacks).toEqual(expect.arrayContaining([...order.ofType('AWS::DynamoDB::Table'), 'broker/SigningKeys']));
    expect(wrong(ofStacks, ['broker/Broker'])).toEqual([]);
  });

  test("the broker's topology is applied before event sources, function aliases, rotation schedules and the scheduled rule are created", () => {
    const users = [
      ...mappings(),
      ...order.ofType('AWS::Lambda::Alias'),
      ...order.ofType('AWS::SecretsManager::RotationSchedule'),
      ...order.ofType('AWS::Events::Rule'),
    ];
    expect(wrong(users, ['functions/BrokerTopology'])).toEqual([]);
    expect(wrong(['functions/BrokerTopology'], ['broker/Broker', behind('functions/BrokerTopology')])).toEqual([]);
  });

  test('the role and the log group of a function are created before the function, and the version of the function is created before its alias', () => {
    for (const lambda of lambdas()) {
      const name = String(properties(order.resource(lambda))['FunctionName']);
      const log = order
        .ofType('AWS::Logs::LogGroup')
        .filter((one) => properties(order.resource(one))['LogGroupName'] === `/aws/lambda/${name}`);
      expect(wrong([lambda], [roleOf(lambda), ...log])).toEqual([]);
      expect(log).toHaveLength(1);
    }
    for (const alias of order.ofType('AWS::Lambda::Alias')) {
      const version = functions(targetOf(properties(order.resource(alias))['FunctionVersion']));
      expect([order.resource(version).Type, order.follows(alias, version)]).toEqual(['AWS::Lambda::Version', true]);
    }
  });

  test('each private subnet is created before the functions that run in it, and each NAT gateway is created after the internet gateway is attached', () => {
    for (const gateway of order.ofType('AWS::EC2::NatGateway'))
      expect(wrong([gateway], ['broker/InternetAttachment'])).toEqual([]);
    const inNetwork = lambdas().filter(isInNetwork);
    expect(wrong(inNetwork, ['broker/PrivateSubnet1', 'broker/PrivateSubnet2', 'broker/PrivateSubnet3'])).toEqual([]);
  });

  test('an event source and its network interfaces are deleted before the IAM role of its function', () => {
    for (const mapping of mappings()) {
      const removal = `${mapping}Removal`;
      const remover = behind(removal);
      // CloudFormation deletes resources in the reverse order of their creation.
      expect(wrong([removal], [mapping, roleOf(functionOf(mapping)), remover, roleOf(remover)])).toEqual([]);
      expect(wrong([mapping], ['broker/Broker', 'broker/ConsumerLogin'])).toEqual([]);
    }
  });

  test('the functions in the VPC are deleted first, then their network interfaces, and then their IAM roles', () => {
    const inNetwork = lambdas().filter(isInNetwork);
    expect(inNetwork.length).toBeGreaterThan(5);
    const wait = 'functions/FunctionsNetwork';
    const remover = behind(wait);
    expect(wrong(inNetwork, [wait])).toEqual([]);
    expect(
      wrong([wait], [...inNetwork.map(roleOf), remover, roleOf(remover), 'broker/FunctionsSecurityGroup']),
    ).toEqual([]);
    // In the network, this function would wait for its own network interfaces.
    expect(isInNetwork(remover)).toBe(false);
  });

  test('the function that handles a custom resource is deleted after the custom resource', () => {
    const customs = order.all.filter((name) => order.resource(name).Type.startsWith('Custom::'));
    expect(customs.length).toBe(mappings().length + 2);
    for (const custom of customs) expect(wrong([custom], [behind(custom), roleOf(behind(custom))])).toEqual([]);
  });

  test('the broker and the VPC endpoints are deleted before their subnets and security groups', () => {
    const holders = [
      'broker/Broker',
      ...order.ofType('AWS::EC2::VPCEndpoint'),
      ...order.ofType('AWS::EC2::NatGateway'),
    ];
    for (const holder of holders) expect(wrong([holder], ['broker/Network'])).toEqual([]);
    expect(wrong(['broker/Broker'], ['broker/PrivateSubnet1', 'broker/BrokerSecurityGroup'])).toEqual([]);
    for (const endpoint of order.ofType('AWS::EC2::VPCEndpoint')) {
      const { SecurityGroupIds = [], SubnetIds = [] } = properties(order.resource(endpoint));
      for (const part of [...SecurityGroupIds, ...SubnetIds])
        expect(wrong([endpoint], [`broker/${targetOf(part)}`])).toEqual([]);
    }
  });
});
