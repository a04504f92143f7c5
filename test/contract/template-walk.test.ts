import { readFileSync } from 'node:fs';

import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { exported, exportNames, type ExportName } from '../../infra/aws/foundation/exports.ts';
import { connectionQuota } from '../../infra/aws/foundation/quota.ts';
import { toolkitScopes } from '../../infra/aws/foundation/operators.ts';
import type { Template, Value } from '../../infra/aws/template.ts';
import { wildcardReasons } from '../../infra/aws/wildcards.ts';
import { ownMetric } from '../../infra/aws/service/alarm.ts';
import { service } from '../../infra/service.ts';
import { readStage } from '../../infra/stages/read-stage.ts';
import { deadLetterQueue, queues, topology } from '../../infra/topology.ts';
import { readAllSettings } from '../../lib/settings.ts';
import { stageTemplates } from '../support/in-a-process.ts';
import { stageNames } from '../support/packages.ts';
import {
  allows,
  dependencies,
  isAlias,
  ofType,
  properties,
  roleOf,
  statementsOf,
  targetOf,
  text,
  type Properties,
  type Statement,
  resolveValue,
  walk,
} from '../support/templates.ts';

const { functions: declared } = parse(readFileSync('serverless.yml', 'utf8'), { merge: true }) as {
  functions: Record<string, { access?: { connections?: unknown } }>;
};
const takingTheRest = Object.keys(declared).filter((name) => declared[name]!.access?.connections === 'rest');

let templates: Awaited<ReturnType<typeof stageTemplates>>;

beforeAll(async () => {
  templates = await stageTemplates();
}, 180_000);

describe.each(stageNames)('the CloudFormation templates of the stage %s', (stageName) => {
  const stage = readStage(stageName);
  let functions: Template;
  let broker: Template;

  beforeAll(() => {
    ({ functions, broker } = templates[stageName]);
  });

  const both = () => [broker, functions];
  const lambdas = () => ofType(functions, 'AWS::Lambda::Function');
  const sources = () => ofType(functions, 'AWS::Lambda::EventSourceMapping');

  test('every reference and every DependsOn names a resource in the same template', () => {
    for (const template of both()) {
      const known = (name: string) => name in template.Resources || name.startsWith('AWS::');
      const missing: string[] = [];
      for (const [value, path] of walk(template)) {
        const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Sub': sub } = value as Record<string, unknown>;
        if (typeof ref === 'string' && !known(ref)) missing.push(`${path.join('.')}: Ref ${ref}`);
        if (Array.isArray(attribute) && !known(String(attribute[0])))
          missing.push(`${path.join('.')}: GetAtt ${String(attribute[0])}`);
        if (typeof sub === 'string')
          for (const [, variable = ''] of sub.matchAll(/\$\{([^}!]+)\}/g))
            if (!known(variable.split('.')[0]!)) missing.push(`${path.join('.')}: Sub ${variable}`);
      }
      for (const [id, resource] of Object.entries(template.Resources))
        for (const dependency of dependencies(resource))
          if (!known(dependency)) missing.push(`${id}: DependsOn ${dependency}`);
      expect(missing).toEqual([]);
    }
  });

  test('the functions stack imports only values that the broker stack exports', () => {
    const exports = new Set(
      Object.values(broker.Outputs ?? {}).map((output) => (output as { Export?: { Name: string } }).Export?.Name),
    );
    const imports = [...walk(functions.Resources)].flatMap(([value]) =>
      'Fn::ImportValue' in value ? [value['Fn::ImportValue']] : [],
    );
    expect(imports.length).toBeGreaterThan(0);
    expect([...new Set(imports)].filter((name) => !exports.has(name as string))).toEqual([]);
  });

  test("each consumed queue has one event source, with the stage's batch size and batching window", () => {
    const consumed = [...Object.values(queues).flatMap(({ shards }) => shards), deadLetterQueue];
    expect(
      sources()
        .flatMap(([, source]) => properties(source)['Queues'] as string[])
        .toSorted(),
    ).toEqual(consumed.toSorted());
    for (const [, source] of sources())
      expect(properties(source)).toMatchObject({
        BatchSize: stage.eventSource.batchSize,
        MaximumBatchingWindowInSeconds: stage.eventSource.windowSeconds,
        SourceAccessConfigurations: [
          // Lambda cannot update a mapping whose configuration names a virtual host.
          { Type: 'BASIC_AUTH', URI: { 'Fn::ImportValue': `surehop-broker-${stageName}:consumer-login` } },
        ],
      });
  });

  test('no event source filters messages or has a destination for failed batches', () => {
    for (const [id, source] of sources()) {
      expect([id, Object.keys(properties(source))]).not.toEqual([id, expect.arrayContaining(['FilterCriteria'])]);
      expect([id, Object.keys(properties(source))]).not.toEqual([id, expect.arrayContaining(['DestinationConfig'])]);
    }
    for (const [id, lambda] of lambdas()) expect([id, properties(lambda)['DeadLetterConfig']]).toEqual([id, undefined]);
  });

  test("the IAM role of each event source's function has all permissions that the event source needs", () => {
    for (const [id, source] of sources()) {
      const { FunctionName, EventSourceArn, SourceAccessConfigurations } = properties(source);
      expect([id, isAlias(FunctionName)]).toEqual([id, true]);
      expect(dependencies(source)).toContain('BrokerTopology');
      const alias = dependencies(source).find((one) => functions.Resources[one]?.Type === 'AWS::Lambda::Alias');
      expect(targetOf(properties(functions.Resources[alias!])['FunctionName'])).toBe(targetOf(FunctionName));
      const role = roleOf(functions, functions.Resources[targetOf(FunctionName)]!);
      const [login] = SourceAccessConfigurations as { URI: Value }[];
      expect(allows(role, 'mq:DescribeBroker', EventSourceArn)).toBe(true);
      expect(allows(role, 'secretsmanager:GetSecretValue', login!.URI)).toBe(true);
      for (const action of [
        'CreateNetworkInterface',
        'DeleteNetworkInterface',
        'DescribeNetworkInterfaces',
        'DescribeSecurityGroups',
        'DescribeSubnets',
        'DescribeVpcs',
      ])
        expect([id, action, allows(role, `ec2:${action}`, '*')]).toEqual([id, action, true]);
    }
  });

  test("every function alias depends on the broker's topology, and therefore new code runs only after its queues exist", () => {
    for (const [id, alias] of ofType(functions, 'AWS::Lambda::Alias'))
      expect([id, dependencies(alias)]).toEqual([id, expect.arrayContaining(['BrokerTopology'])]);
  });

  test('after a first deployment, no alarm fires only because its metric has no data yet', () => {
    const alarms = both().flatMap((template) => ofType(template, 'AWS::CloudWatch::Alarm'));
    for (const [id, alarm] of alarms) {
      const { TreatMissingData, EvaluationPeriods, DatapointsToAlarm, Metrics } = properties(alarm);
      const readsSilence = TreatMissingData === 'ignore';
      expect([id, readsSilence || TreatMissingData === 'notBreaching']).toEqual([id, true]);
      // FILL repeats a value only while the evaluated periods still contain a period with data.
      if (readsSilence)
        expect([id, EvaluationPeriods, text(Metrics)]).toEqual([
          id,
          2 * DatapointsToAlarm,
          expect.stringContaining('FILL('),
        ]);
    }
    expect(
      alarms
        .filter(([, one]) => properties(one)['TreatMissingData'] === 'ignore')
        .map(([id]) => id)
        .toSorted(),
    ).toEqual(['BrokerSilentAlarm', 'QueuesUnreadAlarm']);
    // The alarm for queues without a consumer must not fire before the event sources exist.
    const [[, schedule] = []] = ofType(functions, 'AWS::Events::Rule');
    expect(dependencies(schedule!)).toEqual(expect.arrayContaining(sources().map(([id]) => id)));
  });

  test("CloudFormation deletes a function's IAM role only after Lambda has removed the function's network interfaces", () => {
    for (const [id, source] of sources()) {
      const removal = functions.Resources[`${id}Removal`]!;
      const role = properties(functions.Resources[targetOf(properties(source)['FunctionName'])])['Role'] as Value;
      expect([id, properties(removal)['EventSource']]).toEqual([id, { Ref: id }]);
      expect([id, dependencies(removal)]).toEqual([id, [targetOf(role)]]);
    }
    const network = functions.Resources['FunctionsNetwork']!;
    const inNetwork = lambdas().filter(([, lambda]) => properties(lambda)['VpcConfig']);
    expect(inNetwork.length).toBeGreaterThan(5);
    for (const [id, lambda] of inNetwork) {
      expect([id, dependencies(lambda)]).toEqual([id, expect.arrayContaining(['FunctionsNetwork'])]);
      expect(dependencies(network)).toContain(targetOf(properties(lambda)['Role'] as Value));
    }
    const [, remover] = lambdas().find(([, one]) =>
      String(properties(one)['FunctionName']).endsWith('-remove-network'),
    )!;
    // The remover must work without the network, and CloudFormation must wait for three attempts of Lambda.
    expect(properties(remover)['VpcConfig']).toBeUndefined();
    expect(dependencies(remover)).not.toContain('FunctionsNetwork');
    for (const one of [network, ...sources().map(([id]) => functions.Resources[`${id}Removal`]!)])
      expect(properties(one)['ServiceTimeout'] as number).toBeGreaterThanOrEqual(
        properties(remover)['Timeout'] * 3 + 180,
      );
  });

  test('the HTTP API and the scheduled rule call function aliases and have permission to call them', () => {
    const integrations = ofType(functions, 'AWS::ApiGatewayV2::Integration').map(
      ([, one]) => properties(one)['IntegrationUri']!,
    );
    const scheduled = ofType(functions, 'AWS::Events::Rule').flatMap(([, rule]) =>
      (properties(rule)['Targets'] as { Arn: Value }[]).map(({ Arn }) => Arn),
    );
    expect(integrations.length).toBeGreaterThan(5);
    expect(scheduled).toHaveLength(2);
    const permitted = ofType(functions, 'AWS::Lambda::Permission').map(([, one]) =>
      text(properties(one)['FunctionName']),
    );
    for (const target of [...integrations, ...scheduled]) {
      expect(isAlias(target)).toBe(true);
      expect(permitted).toContain(text(target));
    }
  });

  test('every function has its own IAM role and log group, and runs in the VPC only if it has a broker login', () => {
    const roles = lambdas().map(([, lambda]) => targetOf(properties(lambda)['Role']));
    expect(new Set(roles).size).toBe(lambdas().length);
    for (const [id, lambda] of lambdas()) {
      const { FunctionName, Architectures, Runtime, Timeout, VpcConfig, Environment } = properties(lambda);
      expect([id, Architectures, Runtime]).toEqual([id, ['arm64'], 'nodejs24.x']);
      const group = ofType(functions, 'AWS::Logs::LogGroup').find(
        ([, one]) => properties(one)['LogGroupName'] === `/aws/lambda/${String(FunctionName)}`,
      );
      expect([id, properties(group?.[1])['RetentionInDays']]).toEqual([id, stage.logRetentionDays]);
      expect(allows(roleOf(functions, lambda), 'logs:PutLogEvents', { 'Fn::GetAtt': [group![0], 'Arn'] })).toBe(true);
      const isConsumer = sources().some(([, source]) => targetOf(properties(source)['FunctionName']) === id);
      expect(Timeout as number).toBeLessThanOrEqual(isConsumer || id.startsWith('RemoveDashnetwork') ? 840 : 120);
      // Functions with a broker login must be in the broker's network; all others stay outside.
      const { BROKER_SECRET_ARN: login } = (Environment as { Variables: Properties }).Variables;
      expect([id, VpcConfig !== undefined]).toEqual([id, login !== undefined]);
      const mayLogIn = allows(roleOf(functions, lambda), 'secretsmanager:GetSecretValue', login ?? '');
      expect([id, mayLogIn]).toEqual([id, login !== undefined]);
    }
  });

  test('the environment variables of every function contain valid settings', () => {
    for (const [id, lambda] of lambdas()) {
      const { Variables } = properties(lambda)['Environment'] as { Variables: Value };
      const addresses: Partial<Record<ExportName, string>> = {
        'broker-endpoint': 'amqps://b-1.mq.eu-central-1.on.aws:5671',
        'management-url': 'https://b-1.mq.eu-central-1.on.aws',
        'operators-issuer': 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_1',
      };
      const imports = Object.fromEntries(
        exportNames.map((name) => [
          exported(stageName, name),
          addresses[name] ?? `arn:aws:secretsmanager:eu-central-1:000000000000:secret:${name}`,
        ]),
      );
      const known = { imports, refs: { ConsoleClient: 'client-1' } };
      const environment = resolveValue(Variables, known) as Record<string, string>;
      expect([id, readAllSettings(environment)]).toMatchObject([
        id,
        {
          STAGE: stageName,
          LOG_LEVEL: stage.logLevel,
          OUTCOME_LOG_LEVELS: expect.objectContaining(stage.outcomeLogLevels),
          COMPLETED_LINES_PER_BATCH: stage.completedLinesPerBatch,
          TABLE_PREFIX: `surehop-${stageName}-`,
          INBOX_RETENTION_DAYS: stage.retention.inboxDays,
          ARCHIVE_RETENTION_DAYS: stage.retention.archiveDays,
        },
      ]);
    }
  });

  test('IAM and VPC endpoint policies contain no wildcard in actions, and only documented wildcards in resources', () => {
    const documents = both().flatMap((template) => [
      ...ofType(template, 'AWS::IAM::Role').flatMap(([, role]) =>
        properties(role)['Policies'] ? statementsOf(role) : [],
      ),
      ...ofType(template, 'AWS::EC2::VPCEndpoint').flatMap(
        ([, endpoint]) => (properties(endpoint)['PolicyDocument'] as { Statement: Statement[] }).Statement,
      ),
    ]);
    expect(documents.length).toBeGreaterThan(lambdas().length);
    for (const { Action } of documents) expect(text(Action)).not.toContain('*');
    const wild = documents.filter(({ Resource }) => text(Resource).includes('*')).map(({ Sid = 'no Sid' }) => Sid);
    expect([...new Set(wild)].filter((sid) => !(sid in wildcardReasons))).toEqual([]);
  });

  test('IAM policies name only DynamoDB tables and indexes that the broker stack creates', () => {
    const tables = ofType(broker, 'AWS::DynamoDB::Table').map(([, table]) => properties(table));
    const indexes = tables.flatMap(({ TableName, GlobalSecondaryIndexes = [] }) =>
      (GlobalSecondaryIndexes as { IndexName: string }[]).map(
        ({ IndexName }) => `${String(TableName)}/index/${IndexName}`,
      ),
    );
    const there = new Set([...tables.map(({ TableName }) => String(TableName)), ...indexes]);
    const wanted = new Set(
      ofType(functions, 'AWS::IAM::Role')
        .flatMap(([, role]) => (properties(role)['Policies'] ? statementsOf(role) : []))
        .flatMap(({ Resource }) => /:table\/([^"]+)"/.exec(text(Resource))?.[1] ?? []),
    );
    expect(wanted.size).toBeGreaterThan(0);
    expect([...wanted].filter((name) => !there.has(name))).toEqual([]);
  });

  test('the CloudFormation templates contain no password, token or key', () => {
    for (const template of both()) {
      const all = text(template);
      expect(all).not.toMatch(/:\/\/[^/"@\s]*:[^/"@\s]*@/);
      expect(all).not.toMatch(/AKIA[0-9A-Z]{16}/);
      const literal = [...walk(template.Resources)].flatMap(([value]) =>
        Object.entries(value)
          .filter(([name, part]) => /password|secretstring$|token$/i.test(name) && typeof part === 'string')
          .map(([name, part]) => `${name}: ${String(part)}`),
      );
      // These are the initially empty signing keys, units of time, and the function of a custom resource.
      expect(
        [...new Set(literal)].filter(
          (one) => !/^(SecretString: \{\}|(Access|Id|Refresh)Token: (minutes|hours)|ServiceToken: .*)$/.test(one),
        ),
      ).toEqual([]);
    }
    const [[, resource] = []] = ofType(broker, 'AWS::AmazonMQ::Broker');
    const [administrator] = properties(resource)['Users'] as { Username: Value; Password: Value }[];
    for (const part of Object.values(administrator!))
      expect(text(part)).toMatch(
        /\{\{resolve:secretsmanager:\$\{AdministratorLogin\}:SecretString:(username|password)\}\}/,
      );
  });

  test('the security groups allow only functions and event sources to connect to the broker', () => {
    const [[, resource] = []] = ofType(broker, 'AWS::AmazonMQ::Broker');
    const { maintenance, deployment, instanceType, engineVersion } = stage.broker;
    expect(properties(resource)).toMatchObject({
      PubliclyAccessible: false,
      DeploymentMode: deployment,
      HostInstanceType: instanceType,
      EngineVersion: engineVersion,
      Logs: { General: true },
      MaintenanceWindowStartTime: { DayOfWeek: maintenance.day, TimeOfDay: maintenance.timeUtc, TimeZone: 'UTC' },
    });
    expect(properties(resource)['SubnetIds']).toHaveLength(deployment === 'CLUSTER_MULTI_AZ' ? 3 : 1);
    const allowed = ofType(broker, 'AWS::EC2::SecurityGroupIngress').map(([, rule]) => {
      const { GroupId, SourceSecurityGroupId, FromPort, ToPort, CidrIp } = properties(rule);
      expect([CidrIp, FromPort]).toEqual([undefined, ToPort]);
      return `${targetOf(SourceSecurityGroupId)} -> ${targetOf(GroupId)}:${String(FromPort)}`;
    });
    expect(allowed.toSorted()).toEqual(
      [
        'BrokerSecurityGroup -> BrokerSecurityGroup:5671',
        'FunctionsSecurityGroup -> BrokerSecurityGroup:443',
        'FunctionsSecurityGroup -> BrokerSecurityGroup:5671',
        ...(stage.network.exit === 'endpoints'
          ? [
              'BrokerSecurityGroup -> EndpointsSecurityGroup:443',
              'FunctionsSecurityGroup -> EndpointsSecurityGroup:443',
            ]
          : []),
      ].toSorted(),
    );
    const outside = ofType(broker, 'AWS::EC2::SecurityGroupEgress').filter(([, rule]) => properties(rule)['CidrIp']);
    for (const [, rule] of outside) expect(properties(rule)).toMatchObject({ FromPort: 443, ToPort: 443 });
  });

  test('the network has VPC endpoints or NAT gateways, depending on the settings of the stage', () => {
    const endpoints = ofType(broker, 'AWS::EC2::VPCEndpoint').map(([, endpoint]) => properties(endpoint));
    const named = (type: string) =>
      endpoints
        .filter(({ VpcEndpointType }) => VpcEndpointType === type)
        .map(({ ServiceName }) => String(resolveValue(ServiceName, {})).split('.').at(-1)!)
        .toSorted();
    const { exit, exitZones } = stage.network;
    expect(named('Gateway')).toEqual(exit === 'endpoints' ? ['dynamodb', 's3'] : ['dynamodb']);
    expect(named('Interface')).toEqual(exit === 'endpoints' ? ['lambda', 'secretsmanager', 'sts'] : []);
    expect(ofType(broker, 'AWS::EC2::NatGateway')).toHaveLength(exit === 'nat' ? exitZones : 0);
    for (const { SubnetIds } of endpoints.filter(({ VpcEndpointType }) => VpcEndpointType === 'Interface'))
      expect(SubnetIds).toHaveLength(exitZones);
    expect(ofType(broker, 'AWS::EC2::Subnet').filter(([id]) => id.startsWith('Private'))).toHaveLength(3);
  });

  test("the broker's configuration limits its connections to the quota of its instance type", () => {
    const [[, configuration] = []] = ofType(broker, 'AWS::AmazonMQ::Configuration');
    expect(text(properties(configuration)['Data'])).toContain(`connection_max = ${connectionQuota(stage).perNode}\\n`);
  });

  test("the functions' reserved concurrency keeps their connections within the broker's quota", () => {
    const reserved = lambdas().flatMap(([, lambda]) => {
      const { ReservedConcurrentExecutions: one, FunctionName: name } = properties(lambda);
      return typeof one === 'number' ? [[String(name), one] as const] : [];
    });
    const inAll = reserved.reduce((sum, [, one]) => sum + one, 0);
    // The connections must fit the cluster when one node is down.
    expect(inAll + sources().length).toBeLessThanOrEqual(connectionQuota(stage).withoutOneNode);
    expect(inAll + sources().length).toBeLessThan(connectionQuota(stage).inAll * 0.8);
    // A new account has a concurrency of 10, and any reservation must leave 100 unreserved.
    if (stage.publisherConcurrency === 'unreserved') return expect(reserved).toEqual([]);
    const publishers = lambdas().filter(([, lambda]) =>
      text(properties(lambda)['Environment']).includes('publisher-login'),
    );
    const bounded = reserved.map(([name]) => name);
    for (const [, lambda] of publishers) expect(bounded).toContain(properties(lambda)['FunctionName']);
    // A single function that takes the connections that are left gets the concurrency that the stage sets.
    if (takingTheRest.length === 1)
      expect(Object.fromEntries(reserved)[`surehop-${stageName}-${takingTheRest[0]}`]).toBe(stage.publisherConcurrency);
  });

  test('the custom resource for the broker contains the topology of infra/topology.ts', () => {
    const custom = properties(functions.Resources['BrokerTopology']);
    expect(JSON.parse(String(custom['Topology']))).toEqual(JSON.parse(JSON.stringify(topology)));
    const lambda = properties(functions.Resources[targetOf(custom['ServiceToken'])]);
    expect(custom['ServiceTimeout'] as number).toBeGreaterThan(lambda['Timeout'] as number);
    for (const role of ['Publisher', 'Consumer', 'Monitor'])
      expect(custom[`${role}Login`]).toEqual({
        'Fn::ImportValue': `surehop-broker-${stageName}:${role.toLowerCase()}-login`,
      });
  });

  test("every broker login except the administrator's is rotated, and rotation starts only after the topology has created the users", () => {
    const schedules = ofType(functions, 'AWS::SecretsManager::RotationSchedule');
    expect(schedules.map(([, one]) => text(properties(one)['SecretId']))).toEqual(
      ['publisher', 'consumer', 'monitor'].map((role) =>
        text({ 'Fn::ImportValue': `surehop-broker-${stageName}:${role}-login` }),
      ),
    );
    for (const [, schedule] of schedules) {
      const { RotationLambdaARN, SecretId, RotationRules } = properties(schedule);
      expect(dependencies(schedule)).toContain('BrokerTopology');
      expect(RotationRules).toEqual({ AutomaticallyAfterDays: stage.loginRotationDays });
      const role = roleOf(functions, functions.Resources[targetOf(RotationLambdaARN)]!);
      for (const action of ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'])
        expect([action, allows(role, `secretsmanager:${action}`, SecretId)]).toEqual([action, true]);
      const permission = ofType(functions, 'AWS::Lambda::Permission').find(
        ([, one]) => text(properties(one)['SourceArn']) === text(SecretId),
      );
      expect(properties(permission?.[1])).toMatchObject({ Principal: 'secretsmanager.amazonaws.com' });
    }
  });

  test("new function versions are released with the stage's strategy, and alarms roll them back", () => {
    const aliases = ofType(functions, 'AWS::Lambda::Alias');
    // Functions called by CloudFormation and Secrets Manager have no alias.
    expect(aliases.length).toBe(lambdas().length - 3);
    const pace = ofType(functions, 'AWS::CodeDeploy::DeploymentConfig').map(
      ([, one]) => properties(one)['TrafficRoutingConfig'],
    );
    const wanted = { 'at-once': [], canary: [5], 'blue-green': [99] }[stage.release.strategy];
    expect(pace).toEqual(
      wanted.map((CanaryPercentage) => ({
        Type: 'TimeBasedCanary',
        TimeBasedCanary: { CanaryPercentage, CanaryInterval: 10 },
      })),
    );
    const watchedAliases = aliases.filter(([, { UpdatePolicy }]) => UpdatePolicy);
    expect(watchedAliases.length).toBe(wanted.length * aliases.length);
    for (const [, alias] of watchedAliases) {
      const { DeploymentGroupName } = alias.UpdatePolicy!['CodeDeployLambdaAliasUpdate'] as Properties;
      const group = properties(functions.Resources[targetOf(DeploymentGroupName)]);
      const { Alarms, Enabled } = group['AlarmConfiguration'] as {
        Alarms: { Name: Value }[];
        Enabled: boolean;
      };
      expect([Enabled, group['AutoRollbackConfiguration']]).toMatchObject([
        true,
        { Enabled: true, Events: expect.arrayContaining(['DEPLOYMENT_STOP_ON_ALARM']) },
      ]);
      // One alarm watches exactly the version that the alias moves to.
      const version = text(properties(alias)['FunctionVersion']);
      const watched = Alarms.map(({ Name }) => properties(functions.Resources[targetOf(Name)]));
      expect(watched.some((alarm) => text(alarm['Dimensions'] ?? []).includes(version))).toBe(true);
    }
  });

  test('alarms watch every function, every queue and the broker', () => {
    const alarms = both().flatMap((template) => ofType(template, 'AWS::CloudWatch::Alarm'));
    const names = alarms.map(([, one]) => text(properties(one)['AlarmName']));
    expect(new Set(names).size).toBe(names.length);
    const watching = (metric: string, dimension: string) =>
      alarms.some(([, one]) => {
        const about = text([properties(one)['MetricName'], properties(one)['Dimensions'], properties(one)['Metrics']]);
        return about.includes(`"${metric}"`) && about.includes(text(dimension));
      });
    for (const [, lambda] of lambdas())
      for (const metric of ['Errors', 'Throttles', 'Duration'])
        expect([metric, watching(metric, String(properties(lambda)['FunctionName']))]).toEqual([metric, true]);
    for (const queue of [...Object.values(queues).map(({ name }) => name), deadLetterQueue])
      for (const metric of ['QueueConsumers', 'QueueFullest'])
        expect([metric, watching(metric, queue)]).toEqual([metric, true]);
    // Amazon MQ's metrics add up the nodes of a cluster, so only the alarms on the worst node's CPU and on silence use them.
    const ofBroker = alarms.flatMap(([id, one]) => (text(properties(one)).includes('AWS/AmazonMQ') ? [id] : []));
    expect(ofBroker.toSorted()).toEqual(['BrokerCpuAlarm', 'BrokerSilentAlarm']);
    if (stage.broker.deployment === 'CLUSTER_MULTI_AZ')
      expect(properties(functions.Resources['BrokerCpuAlarm'])['Metrics']).toMatchObject([
        {
          Expression: expect.stringMatching(
            /^SELECT MAX\(SystemCpuUtilization\) FROM SCHEMA\("AWS\/AmazonMQ", Broker, Node\)/,
          ),
        },
      ]);
    for (const metric of [
      'BrokerNodesDown',
      'BrokerNodesBlocking',
      'BrokerNodesPartitioned',
      'BrokerNodeMemoryPercent',
      'BrokerNodeDiskRatio',
      'BrokerNodeConnections',
    ])
      expect([metric, watching(metric, stageName)]).toEqual([metric, true]);
    for (const [id, alarm] of alarms) {
      const isRelease = id.includes('Release');
      expect([id, [properties(alarm)['AlarmActions'] ?? []].flat().length]).toEqual([id, isRelease ? 0 : 1]);
      expect(String(properties(alarm)['AlarmDescription']).length).toBeGreaterThan(30);
    }
    // A smaller batch helps only functions with an event source.
    const aboutBatches = alarms.filter(([, one]) => /batchSize/.test(String(properties(one)['AlarmDescription'])));
    const consumers = new Set(
      sources().map(([, one]) => {
        const name = properties(functions.Resources[targetOf(properties(one)['FunctionName'])])['FunctionName'];
        return String(name).replace(`surehop-${stageName}-`, '');
      }),
    );
    expect(aboutBatches.map(([, one]) => String(properties(one)['AlarmDescription']).split(' ')[0]).toSorted()).toEqual(
      [...consumers].toSorted(),
    );
    const mean = alarms.find(([id]) => id === 'HealthzMeanDurationAlarm');
    expect(properties(mean?.[1])).toMatchObject({
      Statistic: 'Average',
      Period: 60,
      EvaluationPeriods: 2,
      Threshold: stage.alarms.meanDurationMs,
    });
  });

  test('the CloudWatch dashboard is valid JSON, and each of its metric widgets shows at least one metric', () => {
    const [[, resource] = []] = ofType(functions, 'AWS::CloudWatch::Dashboard');
    const body = JSON.parse(String(resolveValue(properties(resource)['DashboardBody'], {}))) as {
      widgets: { type: string; x: number; width: number; properties: { markdown?: string; metrics?: unknown[][] } }[];
    };
    expect(body.widgets.filter(({ type }) => type === 'text').map((one) => one.properties.markdown)).toEqual([
      ...(service.charts(ownMetric('surehop', stageName)).length > 0 ? ['## Business'] : []),
      '## Application',
      '## Queues',
      '## Broker',
    ]);
    for (const { x, width } of body.widgets) expect(x + width).toBeLessThanOrEqual(24);
    for (const { properties: shown } of body.widgets.filter(({ type }) => type === 'metric'))
      expect(shown.metrics!.length).toBeGreaterThan(0);
  });

  test('each HTTP route for operators requires a token with the OAuth scope for this route', () => {
    const [[authorizerId, authorizer] = []] = ofType(functions, 'AWS::ApiGatewayV2::Authorizer');
    expect(properties(authorizer)).toMatchObject({ AuthorizerType: 'JWT' });
    const routes = ofType(functions, 'AWS::ApiGatewayV2::Route').map(([, route]) => properties(route));
    const scopeOf: Record<string, unknown[]> = Object.fromEntries(
      routes
        .filter(({ AuthorizationType }) => AuthorizationType === 'JWT')
        .map(({ RouteKey, AuthorizerId, AuthorizationScopes }) => [
          RouteKey,
          [targetOf(AuthorizerId) === authorizerId, ...AuthorizationScopes],
        ]),
    );
    expect(scopeOf).toMatchObject({
      'GET /status': [true, 'surehop/status:read'],
      'GET /dead-letters': [true, 'surehop/dead-letters:read'],
      'GET /dead-letters/groups': [true, 'surehop/dead-letters:read'],
      'GET /dead-letters/jobs': [true, 'surehop/dead-letters:read'],
      'GET /dead-letters/{id}': [true, 'surehop/dead-letters:read'],
      'POST /dead-letters/jobs': [true, 'surehop/dead-letters:redrive'],
      'POST /dead-letters/jobs/{id}': [true, 'surehop/dead-letters:redrive'],
      'POST /dead-letters/{id}/redrive': [true, 'surehop/dead-letters:redrive'],
      'POST /dead-letters/{id}/edit': [true, 'surehop/dead-letters:edit'],
      'POST /dead-letters/redrive': [true, 'surehop/dead-letters:redrive'],
      'DELETE /dead-letters/{id}': [true, 'surehop/dead-letters:redrive'],
    });
    const offered = ofType(broker, 'AWS::Cognito::UserPoolClient').flatMap(
      ([, client]) => properties(client)['AllowedOAuthScopes'],
    );
    for (const [isOperators, scope] of Object.values(scopeOf))
      expect([isOperators, offered]).toEqual([true, expect.arrayContaining([scope])]);
  });

  test('operators log in to the console with an OAuth client that has no secret, and API Gateway accepts the tokens of this client', () => {
    const [[clientId, client] = [], ...others] = ofType(functions, 'AWS::Cognito::UserPoolClient');
    expect(others).toEqual([]);
    const page = 'https://api.execute-api.eu-central-1.amazonaws.com/console';
    const known = {
      refs: { HttpApi: 'api', OperatorsClient: 'programs', [clientId!]: 'people' },
      imports: {
        [`surehop-broker-${stageName}:operators-pool`]: 'eu-central-1_a',
        [`surehop-broker-${stageName}:operators-client`]: 'programs',
        [`surehop-broker-${stageName}:operators-issuer`]:
          'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a',
      },
    };
    expect(resolveValue(client!.Properties!, known)).toMatchObject({
      UserPoolId: 'eu-central-1_a',
      GenerateSecret: false,
      AllowedOAuthFlows: ['code'],
      AllowedOAuthFlowsUserPoolClient: true,
      CallbackURLs: [page],
      LogoutURLs: [page],
    });
    const scopes = properties(client)['AllowedOAuthScopes'] as string[];
    expect(scopes).toEqual(['openid', ...Object.keys(toolkitScopes).map((scope) => `surehop/${scope}`)]);
    const [[, authorizer] = []] = ofType(functions, 'AWS::ApiGatewayV2::Authorizer');
    expect(resolveValue(properties(authorizer)['JwtConfiguration'] as Value, known)).toEqual({
      Issuer: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a',
      Audience: ['programs', 'people'],
    });
    const route = ofType(functions, 'AWS::ApiGatewayV2::Route').find(
      ([, one]) => properties(one)['RouteKey'] === 'GET /console',
    );
    expect(properties(route![1])).not.toMatchObject({ AuthorizationType: 'JWT' });
    const lambda = functions.Resources['ConsoleLambdaFunction'];
    const { Variables } = properties(lambda)['Environment'] as { Variables: Value };
    const [[, domain] = []] = ofType(broker, 'AWS::Cognito::UserPoolDomain');
    const name = resolveValue(properties(domain)['Domain'] as Value, known) as string;
    expect(resolveValue(Variables, known)).toMatchObject({
      JWT_ISSUER: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a',
      JWT_SCOPE_PREFIX: 'surehop/',
      CONSOLE_CLIENT_ID: 'people',
      CONSOLE_LOGIN_ORIGINS: `https://${name}.auth.eu-central-1.amazoncognito.com`,
    });
  });

  test('API Gateway limits the request rate of every HTTP route', () => {
    expect(properties(functions.Resources['HttpApiStage'])['DefaultRouteSettings']).toEqual({
      DetailedMetricsEnabled: true,
      ThrottlingRateLimit: stage.http.ratePerSecond,
      ThrottlingBurstLimit: stage.http.burst,
    });
  });

  test("the number of resources and the size of each template are below CloudFormation's limits", () => {
    for (const template of both()) {
      expect(Object.keys(template.Resources).length).toBeLessThan(500);
      expect(text(template).length).toBeLessThan(1_000_000);
    }
  });
});
