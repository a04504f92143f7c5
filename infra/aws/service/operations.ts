import { imported, type ExportName } from '../foundation/exports.ts';
import { rotatedRoles, type LoginRole } from '../foundation/logins.ts';
import type { Stage } from '../../stages/stage.ts';
import { topologyProperties } from '../topology-properties.ts';
import { attribute, pascalCase, ref, type Resource, type Resources } from '../template.ts';

/** Until CloudFormation gives up on the topology, in s: the function answers long before, this is for one that cannot. */
const TOPOLOGY_TIMEOUT_SECONDS = 300;

const secret = (stageName: string, role: LoginRole) => imported(stageName, `${role}-login` satisfies ExportName);

/**
 * The topology on the broker, applied from within its network, with the users that the other functions log in as.
 * `codeVersionId` has it applied again with new code, the broker's version after an upgrade, which policies depend on.
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

/** Until CloudFormation gives up on a removal, in s, its longest: Lambda takes up to 40 minutes to delete network interfaces. */
const REMOVAL_TIMEOUT_SECONDS = 3_600;

const removal = (functionId: string, properties: Resource['Properties'], roleIds: readonly string[]): Resource => ({
  Type: 'Custom::NetworkRemoval',
  // Lambda deletes network interfaces with the roles of the functions that they were made for.
  DependsOn: roleIds,
  Properties: {
    ServiceToken: attribute(functionId, 'Arn'),
    ServiceTimeout: REMOVAL_TIMEOUT_SECONDS,
    ...properties,
  },
});

/** Stands for an event source, is removed before it, and removes it with its network interfaces. */
export const eventSourceRemoval = (functionId: string, eventSourceId: string, roleId: string): Resources => ({
  [`${eventSourceId}Removal`]: removal(functionId, { EventSource: ref(eventSourceId) }, [roleId]),
});

export const FUNCTIONS_NETWORK = 'FunctionsNetwork';

/**
 * Stands for the network of the functions: they are made after it, so that it is removed after them, and then waits until
 * their network interfaces are gone.
 */
export const functionsNetwork = (stageName: string, functionId: string, roleIds: readonly string[]): Resources => ({
  [FUNCTIONS_NETWORK]: removal(functionId, { SecurityGroup: imported(stageName, 'functions-security-group') }, roleIds),
});

/** The rotation of every login that alternates. */
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
          // Before the topology there is no user to rotate.
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
