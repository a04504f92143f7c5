import { alarm } from '../packaging/alarm.ts';
import { attribute, pascalCase, ref, type Resources, type Value } from '../packaging/template.ts';
import type { Stage } from '../stages/stage.ts';
import { brokerAlarms } from './broker-alarms.ts';
import { broker } from './broker.ts';
import { gatewayEndpoints, interfaceEndpoints } from './endpoints.ts';
import { exported, exportNames, type ExportName } from './exports.ts';
import { loginId, logins } from './logins.ts';
import { operators, operatorsOutputs } from './operators.ts';
import { signingKeys } from './signing-keys.ts';
import { nat } from './nat.ts';
import { network, privateSubnet, ZONES } from './network.ts';
import { securityGroups } from './security-groups.ts';
import { topicId, topics } from './topics.ts';

/** The broker's name, in the account and in CloudWatch. */
export const brokerName = (service: string, stageName: string): string => `${service}-${stageName}`;

/** Everything that functions stand on, but for the tables: network, broker, logins, topics. */
export function brokerStackResources(service: string, stageName: string, stage: Stage): Resources {
  const { exit, exitZones } = stage.network;
  const name = brokerName(service, stageName);
  const alarms = brokerAlarms(name, stage).map((definition) => [
    `${pascalCase(definition.name)}Alarm`,
    alarm(definition, { critical: ref(topicId('critical')), warning: ref(topicId('warning')) }),
  ]);
  return {
    ...network(),
    ...securityGroups(stage),
    ...gatewayEndpoints(`${service}-${stageName}-`),
    ...(exit === 'nat' ? nat(exitZones) : interfaceEndpoints(service, stageName, exitZones)),
    ...logins(service, stageName),
    ...signingKeys(service, stageName),
    ...(stage.operators === 'cognito' && operators(service, stageName)),
    ...broker(name, stage),
    ...topics(stage),
    ...(Object.fromEntries(alarms) as Resources),
  };
}

/** What the functions' stack imports. */
export function brokerStackOutputs(stageName: string, stage: Pick<Stage, 'operators'>): Record<string, Value> {
  const values: Readonly<Partial<Record<ExportName, Value>>> = {
    'broker-arn': attribute('Broker', 'Arn'),
    'broker-endpoint': { 'Fn::Select': [0, attribute('Broker', 'AmqpEndpoints')] },
    'management-url': { 'Fn::Select': [0, attribute('Broker', 'ConsoleURLs')] },
    'administrator-login': ref(loginId('administrator')),
    'publisher-login': ref(loginId('publisher')),
    'consumer-login': ref(loginId('consumer')),
    'monitor-login': ref(loginId('monitor')),
    'signing-keys': ref('SigningKeys'),
    ...(stage.operators === 'cognito' && operatorsOutputs()),
    'private-subnets': { 'Fn::Join': [',', ZONES.map((zone) => ref(privateSubnet(zone)))] },
    'functions-security-group': attribute('FunctionsSecurityGroup', 'GroupId'),
    'critical-topic': ref(topicId('critical')),
    'warning-topic': ref(topicId('warning')),
  };
  return Object.fromEntries(
    exportNames.flatMap((name) => {
      const value = values[name];
      return value === undefined
        ? []
        : [[pascalCase(name), { Value: value, Export: { Name: exported(stageName, name) } }]];
    }),
  );
}
