import type { Resource, Template } from '../template.ts';
import { compareTemplates, type ResourceChange } from './compare.ts';

/**
 * For each resource type, a description of the data that users lose when a resource of the type is deleted or replaced.
 */
const holdings: Readonly<Record<string, string>> = {
  'AWS::AmazonMQ::Broker': 'its messages and users',
  'AWS::DynamoDB::Table': 'its items',
  'AWS::SecretsManager::Secret': 'its value',
  'AWS::Cognito::UserPool': "the operators' credentials",
  'AWS::Cognito::UserPoolClient': "the operators' credentials",
  'AWS::SNS::Topic': 'its confirmed subscriptions',
  'AWS::ApiGatewayV2::Api': 'the address that clients call',
  'AWS::EC2::VPC': 'everything within the network',
};

interface Permanent {
  readonly setting: string;
  readonly resource: string;
  readonly property: string;
  isRefused(deployed: string, wanted: string): boolean;
  readonly reason: string;
}

/** The settings of a deployed stage that cannot be changed, or that can be changed only to some values. */
const permanent: readonly Permanent[] = [
  {
    setting: 'broker.deployment',
    resource: 'Broker',
    property: 'DeploymentMode',
    isRefused: (deployed, wanted) => deployed !== wanted,
    reason: 'Amazon MQ cannot change the deployment mode of an existing broker',
  },
  {
    setting: 'broker.engineVersion',
    resource: 'Broker',
    property: 'EngineVersion',
    isRefused: (deployed, wanted) => deployed.localeCompare(wanted, 'en', { numeric: true }) > 0,
    reason: 'RabbitMQ cannot be downgraded',
  },
];

/** Returns whether a resource is a Cognito client without a secret. Replacing such a client loses no data. */
const isPublicClient = (resource: Resource | undefined): boolean =>
  resource?.Type === 'AWS::Cognito::UserPoolClient' && resource.Properties?.['GenerateSecret'] !== true;

/** Returns the reasons why the template `wanted` must not be deployed: one sentence per setting or resource. */
export function refusals(
  deployed: Template,
  wanted: Template,
  changes: readonly ResourceChange[] = compareTemplates(deployed, wanted),
): string[] {
  const refused = permanent.flatMap(({ setting, resource, property, isRefused, reason }) => {
    const [from, to] = [deployed, wanted].map(({ Resources }) => Resources[resource]?.Properties?.[property]);
    if (typeof from !== 'string' || typeof to !== 'string' || !isRefused(from, to)) return [];
    return [{ resource, reason: `${setting} of the deployed stage is ${from} and cannot become ${to}: ${reason}` }];
  });
  const named = new Set(refused.map(({ resource }) => resource));
  const others = changes.flatMap(({ id, type, effect, properties }) => {
    const isLost = effect === 'deleted' && deployed.Resources[id]!.DeletionPolicy !== 'Retain';
    if (isPublicClient(deployed.Resources[id])) return [];
    if (!(type in holdings) || named.has(id) || !(effect === 'replaced' || isLost)) return [];
    const action = effect === 'replaced' ? `replace ${id} (${properties.join(', ')})` : `delete ${id}`;
    return [`this deployment would ${action}, which loses ${holdings[type]}`];
  });
  return [...refused.map(({ reason }) => reason), ...others];
}
