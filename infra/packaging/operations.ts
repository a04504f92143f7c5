import { imported, type ExportName } from '../broker/exports.ts';
import { rotatedRoles, type LoginRole } from '../broker/logins.ts';
import type { Stage } from '../stages/stage.ts';
import { topologyProperties } from '../topology-properties.ts';
import { attribute, pascalCase, ref, type Resource, type Resources } from './template.ts';

/** Until CloudFormation gives up on the topology, in s: the function answers long before, this is for one that cannot. */
const TOPOLOGY_TIMEOUT_SECONDS = 300;

const secret = (stageName: string, role: LoginRole) => imported(stageName, `${role}-login` satisfies ExportName);

/**
 * The topology on the broker, applied from within its network, with the users that the other functions log in as.
 * `codeVersionId` has it applied again with new code.
 */
export const topologyResource = (stageName: string, functionId: string, codeVersionId: string): Resources => ({
  BrokerTopology: {
    Type: 'Custom::BrokerTopology',
    Properties: {
      ServiceToken: attribute(functionId, 'Arn'),
      ServiceTimeout: TOPOLOGY_TIMEOUT_SECONDS,
      ...topologyProperties,
      Code: ref(codeVersionId),
      ...Object.fromEntries(rotatedRoles.map((role) => [`${pascalCase(role)}Login`, secret(stageName, role)])),
    },
  },
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
