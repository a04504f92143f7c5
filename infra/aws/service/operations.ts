import { imported, type ExportName } from '../foundation/exports.ts';
import { rotatedRoles, type LoginRole } from '../foundation/logins.ts';
import type { Stage } from '../../stages/stage.ts';
import { brokerRoles, topology } from '../../topology.ts';
import { attribute, pascalCase, ref, type Resource, type Resources } from '../template.ts';

/** The topology and the broker's users as JSON text, because CloudFormation would turn numbers in properties into text. */
export const topologyProperties = { Topology: JSON.stringify(topology), Roles: JSON.stringify(brokerRoles) };

/** CloudFormation's timeout for the topology in s; the function normally responds much earlier. */
const TOPOLOGY_TIMEOUT_SECONDS = 300;

const secret = (stageName: string, role: LoginRole) => imported(stageName, `${role}-login` satisfies ExportName);

/**
 * The custom resource that applies the topology from inside the VPC and creates the broker users of the other functions. New code
 * (`codeVersionId`) and a new engine version, on which policies depend, apply the topology again.
 */
export const topologyResource = (
  stageName: string,
  functionId: string,
  codeVersionId: string,
  { engineVersion }: Stage['broker'],
): Resources => ({
  BrokerTopology: {
    Type: 'Custom::BrokerTopology',
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

/** CloudFormation's timeout for a removal in s, its maximum: Lambda takes up to 40 minutes to delete network interfaces. */
const REMOVAL_TIMEOUT_SECONDS = 3_600;

const removal = (functionId: string, properties: Resource['Properties'], roleIds: readonly string[]): Resource => ({
  Type: 'Custom::NetworkRemoval',
  // Lambda deletes network interfaces with the roles of their functions, so the roles must exist until then.
  DependsOn: roleIds,
  Properties: {
    ServiceToken: attribute(functionId, 'Arn'),
    ServiceTimeout: REMOVAL_TIMEOUT_SECONDS,
    ...properties,
  },
});

/** The custom resource that deletes an event source and waits until its network interfaces are deleted. */
export const eventSourceRemoval = (functionId: string, eventSourceId: string, roleId: string): Resources => ({
  [`${eventSourceId}Removal`]: removal(functionId, { EventSource: ref(eventSourceId) }, [roleId]),
});

export const FUNCTIONS_NETWORK = 'FunctionsNetwork';

/**
 * The custom resource that is deleted after the functions in the VPC and then waits until their network interfaces are deleted.
 */
export const functionsNetwork = (stageName: string, functionId: string, roleIds: readonly string[]): Resources => ({
  [FUNCTIONS_NETWORK]: removal(functionId, { SecurityGroup: imported(stageName, 'functions-security-group') }, roleIds),
});

/** The rotation schedules of all rotated logins. */
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
          // The topology creates the users that rotate.
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
