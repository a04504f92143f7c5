import { imported, type ExportName } from '../foundation/exports.ts';
import { rotatedRoles, type LoginRole } from '../foundation/logins.ts';
import type { Stage } from '../../stages/stage.ts';
import { service as declared } from '../../service.ts';
import { brokerRoles, topology } from '../../topology.ts';
import { attribute, pascalCase, ref, type Resource, type Resources } from '../template.ts';

export const topologyProperties = { Topology: JSON.stringify(topology), Roles: JSON.stringify(brokerRoles) };

/**
 * Returns the type of a custom resource. CloudFormation allows at most 60 characters
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudformation-customresource.html).
 */
export function customResourceType(name: string, prefix = declared.customResourcePrefix ?? ''): string {
  if (!/^[\w@-]{0,30}$/.test(prefix))
    throw new Error(
      `customResourcePrefix in infra/service.ts is ${JSON.stringify(prefix)}: it must be at most 30 letters, digits, "_", "@" or "-"`,
    );
  return `Custom::${prefix}${name}`;
}

/**
 * How long CloudFormation waits for the function that applies the topology, in seconds. The function normally responds much
 * earlier.
 */
const TOPOLOGY_TIMEOUT_SECONDS = 300;

const secret = (stageName: string, role: LoginRole) => imported(stageName, `${role}-login` satisfies ExportName);

/**
 * Returns the custom resource that applies the topology to the broker and creates the broker users of the functions.
 */
export const topologyResource = (
  stageName: string,
  functionId: string,
  codeVersionId: string,
  { engineVersion }: Stage['broker'],
): Resources => ({
  BrokerTopology: {
    Type: customResourceType('BrokerTopology'),
    Properties: {
      ServiceToken: attribute(functionId, 'Arn'),
      ServiceTimeout: TOPOLOGY_TIMEOUT_SECONDS,
      ...topologyProperties,
      Code: ref(codeVersionId),
      EngineVersion: engineVersion,
      ...Object.fromEntries(rotatedRoles.map((role) => [`${pascalCase(role)}Login`, secret(stageName, role)])),
    },
  },
});

const REMOVAL_TIMEOUT_SECONDS = 3_600;

const removal = (functionId: string, properties: Resource['Properties'], roleIds: readonly string[]): Resource => ({
  Type: customResourceType('NetworkRemoval'),
  // Lambda uses the roles of the functions to delete their network interfaces, so the roles must exist until the interfaces are
  // deleted.
  DependsOn: roleIds,
  Properties: {
    ServiceToken: attribute(functionId, 'Arn'),
    ServiceTimeout: REMOVAL_TIMEOUT_SECONDS,
    ...properties,
  },
});

/**
 * Returns a custom resource whose removal deletes an event source and waits until Lambda has deleted the network
 * interfaces of that event source.
 */
export const eventSourceRemoval = (functionId: string, eventSourceId: string, roleId: string): Resources => ({
  [`${eventSourceId}Removal`]: removal(functionId, { EventSource: ref(eventSourceId) }, [roleId]),
});

export const FUNCTIONS_NETWORK = 'FunctionsNetwork';

/**
 * Returns the custom resource that CloudFormation removes after the functions in the VPC. The removal of the custom
 * resource waits until Lambda has deleted the network interfaces of the functions.
 */
export const functionsNetwork = (stageName: string, functionId: string, roleIds: readonly string[]): Resources => ({
  [FUNCTIONS_NETWORK]: removal(functionId, { SecurityGroup: imported(stageName, 'functions-security-group') }, roleIds),
});

/**
 * Returns the rotation schedule of each login, and Secrets Manager's permission to invoke the function that rotates the
 * login.
 */
export const rotations = (
  stageName: string,
  functionId: string,
  { loginRotationDays }: Pick<Stage, 'loginRotationDays'>,
): Resources =>
  Object.fromEntries(
    rotatedRoles.flatMap((role): [string, Resource][] => [
      [
        `${pascalCase(role)}RotationPermission`,
        {
          Type: 'AWS::Lambda::Permission',
          Properties: {
            FunctionName: attribute(functionId, 'Arn'),
            Action: 'lambda:InvokeFunction',
            Principal: 'secretsmanager.amazonaws.com',
            SourceAccount: ref('AWS::AccountId'),
            SourceArn: secret(stageName, role),
          },
        },
      ],
      [
        `${pascalCase(role)}Rotation`,
        {
          Type: 'AWS::SecretsManager::RotationSchedule',
          // The custom resource BrokerTopology creates the users whose passwords are rotated.
          DependsOn: ['BrokerTopology', `${pascalCase(role)}RotationPermission`],
          Properties: {
            SecretId: secret(stageName, role),
            RotationLambdaARN: attribute(functionId, 'Arn'),
            RotateImmediatelyOnUpdate: false,
            RotationRules: { AutomaticallyAfterDays: loginRotationDays },
          },
        },
      ],
    ]),
  );
