import { attribute, pascalCase, ref, type Resource, type Resources, type Value } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';
import { broker } from './broker.ts';
import { endpoints, tablesEndpoint } from './endpoints.ts';
import { exported, exportNames, type ExportName } from './exports.ts';
import { loginId, logins } from './logins.ts';
import { operators, operatorsOutputs } from './operators.ts';
import { signingKeys } from './signing-keys.ts';
import { nat } from './nat.ts';
import { network, privateSubnet, ZONES } from './network.ts';
import { securityGroups } from './security-groups.ts';
import { tableResources } from './tables.ts';
import { topicId, topics } from './topics.ts';

/** Returns the name that the broker has in Amazon MQ and CloudWatch. */
export const brokerName = (service: string, stageName: string): string => `${service}-${stageName}`;

/** Returns all resources of the foundation stack: network, broker, logins, tables and alarm topics. */
export function brokerStackResources(service: string, stageName: string, stage: Stage): Resources {
  const { exit, exitZones } = stage.network;
  const name = brokerName(service, stageName);
  return {
    ...network(),
    ...securityGroups(stage),
    ...tablesEndpoint(`${service}-${stageName}-`),
    ...(exit === 'nat' ? nat(exitZones) : endpoints(service, stageName, exitZones)),
    ...logins(service, stageName),
    ...signingKeys(service, stageName),
    ...operators(service, stageName),
    ...broker(name, stage),
    ...tableResources(`${service}-${stageName}-`),
    ...topics(service, stage),
  };
}

/**
 * Makes CloudFormation create tables and secrets last, because a failed first deployment may leave its tables and
 * secrets behind, and their names then block the next deployment.
 */
export function makeRetainedLast(resources: Record<string, Resource>): void {
  const isRetained = ({ DeletionPolicy }: Resource) => DeletionPolicy === 'Retain';
  const all = Object.entries(resources);
  // A wait condition handle creates nothing in AWS. This handle exists only to collect the dependencies.
  resources['AllButRetained'] = {
    Type: 'AWS::CloudFormation::WaitConditionHandle',
    DependsOn: all.flatMap(([id, resource]) => (isRetained(resource) ? [] : [id])),
  };
  for (const [id, resource] of all)
    if (isRetained(resource)) resources[id] = { ...resource, DependsOn: 'AllButRetained' };
}

/**
 * Returns the outputs that the service stack imports. The outputs do not depend on the settings of the stage, because
 * CloudFormation cannot remove an output while another stack imports it.
 */
export function brokerStackOutputs(stageName: string): Record<string, Value> {
  const values: Readonly<Record<ExportName, Value>> = {
    'broker-arn': attribute('Broker', 'Arn'),
    'broker-endpoint': { 'Fn::Select': [0, attribute('Broker', 'AmqpEndpoints')] },
    'management-url': { 'Fn::Select': [0, attribute('Broker', 'ConsoleURLs')] },
    'administrator-login': ref(loginId('administrator')),
    'publisher-login': ref(loginId('publisher')),
    'consumer-login': ref(loginId('consumer')),
    'monitor-login': ref(loginId('monitor')),
    'signing-keys': ref('SigningKeys'),
    ...operatorsOutputs(),
    'private-subnets': { 'Fn::Join': [',', ZONES.map((zone) => ref(privateSubnet(zone)))] },
    'functions-security-group': attribute('FunctionsSecurityGroup', 'GroupId'),
    'critical-topic': ref(topicId('critical')),
    'warning-topic': ref(topicId('warning')),
  };
  return Object.fromEntries(
    exportNames.map((name) => [pascalCase(name), { Value: values[name], Export: { Name: exported(stageName, name) } }]),
  );
}
