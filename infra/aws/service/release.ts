import type { Stage } from '../../stages/stage.ts';
import type { AlarmDefinition } from './alarm.ts';
import { attribute, ref, sub, type Resource, type Resources, type Value } from '../template.ts';

/**
 * The name of the alias through which events invoke a function. A release points the alias to a new version, and the
 * rollback of a release points it back to the old version.
 */
export const ALIAS = 'live';

type Release = Stage['release'];

/**
 * A function that events invoke through an alias. A release shifts the traffic of the alias to a new version of the
 * function.
 */
export interface Released {
  readonly key: string;
  readonly functionName: string;
  readonly functionId: string;
  readonly aliasId: string;
  readonly versionId: string;
  /** The method and the path of the function's HTTP route, if it has one. */
  readonly route?: { readonly method: string; readonly path: string };
}

/** Returns the percentage of traffic that a release sends to the new version first. */
const firstPercent = (release: Exclude<Release, { strategy: 'at-once' }>): number =>
  release.strategy === 'canary' ? release.percent : 99;

const isWatched = (release: Release): release is Exclude<Release, { strategy: 'at-once' }> =>
  release.strategy !== 'at-once';

const versionErrors = ({ key, functionName, versionId }: Released): AlarmDefinition => ({
  name: `${key}-release-errors`,
  description: `The version of ${key} that is being released fails. CodeDeploy rolls the release back. Runbook: a release that was rolled back.`,
  severity: 'release',
  metrics: {
    errors: {
      namespace: 'AWS/Lambda',
      name: 'Errors',
      statistic: 'Sum',
      dimensions: {
        FunctionName: functionName,
        Resource: `${functionName}:${ALIAS}`,
        ExecutedVersion: attribute(versionId, 'Version'),
      },
    },
  },
  comparison: 'at least',
  threshold: 1,
  periods: 1,
});

const routeErrors = ({ key }: Released, { method, path }: NonNullable<Released['route']>): AlarmDefinition => {
  const metric = (name: string) => ({
    namespace: 'AWS/ApiGateway',
    name,
    statistic: 'Sum',
    dimensions: { ApiId: ref('HttpApi'), Stage: '$default', Method: method, Resource: path },
  });
  return {
    name: `${key}-release-answers`,
    description: `More than 2 % of the responses of ${method} ${path} are 5xx during a release. CodeDeploy rolls the release back. Runbook: a release that was rolled back.`,
    severity: 'release',
    metrics: { failed: metric('5xx'), all: metric('Count') },
    expression: 'IF(FILL(all, 0) > 0, 100 * FILL(failed, 0) / all, 0)',
    comparison: 'above',
    threshold: 2,
    periods: 1,
  };
};

/** Returns the alarms that make CodeDeploy roll back the release of a function. */
export const releaseAlarms = (released: Released, release: Release): AlarmDefinition[] =>
  isWatched(release)
    ? [versionErrors(released), ...(released.route ? [routeErrors(released, released.route)] : [])]
    : [];

/**
 * Returns the alias of a function. If releases of the stage shift traffic gradually, also returns the CodeDeploy
 * deployment group of the alias, which watches the alarms with the logical ids `alarmIds`.
 */
export function releaseResources(
  { key, functionId, aliasId, versionId }: Released,
  release: Release,
  alarmIds: readonly string[],
): Resources {
  const alias: Resource = {
    Type: 'AWS::Lambda::Alias',
    // The alias changes after the topology, because new code can publish to exchanges that the same deployment creates.
    DependsOn: 'BrokerTopology',
    Properties: {
      FunctionName: ref(functionId),
      FunctionVersion: attribute(versionId, 'Version'),
      Name: ALIAS,
    },
  };
  if (!isWatched(release)) return { [aliasId]: alias };
  const groupId = `${aliasId}Releases`;
  return {
    [aliasId]: {
      ...alias,
      UpdatePolicy: {
        CodeDeployLambdaAliasUpdate: {
          ApplicationName: ref('Releases'),
          DeploymentGroupName: ref(groupId),
        },
      },
    },
    [groupId]: {
      Type: 'AWS::CodeDeploy::DeploymentGroup',
      Properties: {
        ApplicationName: ref('Releases'),
        DeploymentGroupName: sub(`\${AWS::StackName}-${key}`),
        DeploymentConfigName: ref('ReleasePace'),
        DeploymentStyle: { DeploymentType: 'BLUE_GREEN', DeploymentOption: 'WITH_TRAFFIC_CONTROL' },
        ServiceRoleArn: attribute('ReleaseRole', 'Arn'),
        AlarmConfiguration: { Enabled: true, Alarms: alarmIds.map((id): Value => ({ Name: ref(id) })) },
        AutoRollbackConfiguration: {
          Enabled: true,
          Events: ['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_ALARM', 'DEPLOYMENT_STOP_ON_REQUEST'],
        },
      },
    },
  };
}

/** Returns the CodeDeploy resources that all functions of a stage share. */
export function releaseCommons(release: Release): Resources {
  if (!isWatched(release)) return {};
  const percent = firstPercent(release);
  return {
    Releases: { Type: 'AWS::CodeDeploy::Application', Properties: { ComputePlatform: 'Lambda' } },
    // CodeDeploy's built-in canaries shift at least 10 % of the traffic at first. CloudFormation replaces this resource when a
    // value changes, so its name contains all values.
    ReleasePace: {
      Type: 'AWS::CodeDeploy::DeploymentConfig',
      Properties: {
        DeploymentConfigName: sub(`\${AWS::StackName}-${percent}-percent-${release.minutes}-minutes`),
        ComputePlatform: 'Lambda',
        TrafficRoutingConfig: {
          Type: 'TimeBasedCanary',
          TimeBasedCanary: { CanaryPercentage: percent, CanaryInterval: release.minutes },
        },
      },
    },
    ReleaseRole: {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'codedeploy.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        },
        // This managed policy of AWS allows CodeDeploy to change aliases and to read alarms.
        ManagedPolicyArns: [
          sub('arn:${AWS::Partition}:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited'),
        ],
      },
    },
  };
}
