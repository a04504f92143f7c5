import { attribute, ref, sub, type Resources, type Value } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';
import { privateSubnet, ZONES } from './network.ts';
import { connectionQuota } from './quota.ts';

/** The maximum message size in bytes. It equals Amazon MQ's default, which the archive and the publisher rely on. */
const MAX_MESSAGE_BYTES = 524_288;

/**
 * RabbitMQ settings that replace Amazon MQ's defaults, because each default would cause failures that nobody notices
 * (https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/configurable-values.html).
 */
const settings = (connectionsPerNode: number): string =>
  [
    '# Refuse to redeclare a queue with different arguments instead of ignoring the difference.',
    'quorum_queue.property_equivalence.relaxed_checks_on_redeclaration = false',
    '# A consumer that acknowledges nothing for longer than the longest batch (14 minutes) has failed.',
    'consumer_timeout = 1800000',
    '# The concurrency of the publisher depends on this limit, so an upgrade of the broker must not change the limit.',
    `connection_max = ${connectionsPerNode}`,
    `max_message_size = ${MAX_MESSAGE_BYTES}`,
    '',
  ].join('\n');

const secretField = (field: string): Value =>
  sub(`{{resolve:secretsmanager:\${AdministratorLogin}:SecretString:${field}}}`);

/** Amazon MQ for RabbitMQ in private subnets, with TLS only: a cluster over three zones, or one instance. */
export function broker(name: string, stage: Pick<Stage, 'broker'>): Resources {
  const { engineVersion, deployment, instanceType, maintenance } = stage.broker;
  const zones = deployment === 'CLUSTER_MULTI_AZ' ? ZONES : ZONES.slice(0, 1);
  return {
    BrokerConfiguration: {
      Type: 'AWS::AmazonMQ::Configuration',
      Properties: {
        // A new engine version needs a new configuration, which exists beside the old one until the broker is upgraded.
        Name: `${name}-rabbitmq-${engineVersion}`,
        EngineType: 'RABBITMQ',
        EngineVersion: engineVersion,
        Data: { 'Fn::Base64': settings(connectionQuota(stage).perNode) },
      },
    },
    Broker: {
      Type: 'AWS::AmazonMQ::Broker',
      DeletionPolicy: 'Delete',
      // A replacement must not delete the messages.
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BrokerName: name,
        EngineType: 'RABBITMQ',
        EngineVersion: engineVersion,
        DeploymentMode: deployment,
        HostInstanceType: instanceType,
        PubliclyAccessible: false,
        AuthenticationStrategy: 'SIMPLE',
        // Applies only patches, in the maintenance window; minor versions change with the stage's setting.
        AutoMinorVersionUpgrade: true,
        MaintenanceWindowStartTime: { DayOfWeek: maintenance.day, TimeOfDay: maintenance.timeUtc, TimeZone: 'UTC' },
        SubnetIds: zones.map((zone) => ref(privateSubnet(zone))),
        SecurityGroups: [attribute('BrokerSecurityGroup', 'GroupId')],
        Configuration: { Id: ref('BrokerConfiguration'), Revision: attribute('BrokerConfiguration', 'Revision') },
        // Amazon MQ has no audit log for RabbitMQ; the `connection` group of the general log contains logins and refused logins.
        Logs: { General: true },
        // For RabbitMQ, Amazon MQ creates only the administrator; the topology creates the other users.
        Users: [{ Username: secretField('username'), Password: secretField('password') }],
      },
    },
  };
}
