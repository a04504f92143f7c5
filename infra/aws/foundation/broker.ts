import { attribute, ref, sub, type Resources, type Value } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';
import { privateSubnet, ZONES } from './network.ts';
import { connectionQuota } from './quota.ts';

/** The maximum size of a message in bytes. The archive and the publisher rely on this value. */
const MAX_MESSAGE_BYTES = 524_288;

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

/**
 * Returns the Amazon MQ broker and its configuration. The broker runs in private subnets and accepts only TLS. The
 * broker is either a cluster over three availability zones or a single instance.
 */
export function broker(name: string, stage: Pick<Stage, 'broker'>): Resources {
  const { engineVersion, deployment, instanceType, maintenance } = stage.broker;
  const zones = deployment === 'CLUSTER_MULTI_AZ' ? ZONES : ZONES.slice(0, 1);
  return {
    BrokerConfiguration: {
      Type: 'AWS::AmazonMQ::Configuration',
      Properties: {
        // A new engine version needs a new configuration. The old configuration remains until the broker is upgraded.
        Name: `${name}-rabbitmq-${engineVersion}`,
        EngineType: 'RABBITMQ',
        EngineVersion: engineVersion,
        Data: { 'Fn::Base64': settings(connectionQuota(stage).perNode) },
      },
    },
    Broker: {
      Type: 'AWS::AmazonMQ::Broker',
      DeletionPolicy: 'Delete',
      // The old broker is kept when CloudFormation replaces the broker, so that its messages are not deleted.
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BrokerName: name,
        EngineType: 'RABBITMQ',
        EngineVersion: engineVersion,
        DeploymentMode: deployment,
        HostInstanceType: instanceType,
        PubliclyAccessible: false,
        AuthenticationStrategy: 'SIMPLE',
        // Amazon MQ applies patches in the maintenance window by itself. A minor version changes only with the setting of the
        // stage.
        AutoMinorVersionUpgrade: true,
        MaintenanceWindowStartTime: { DayOfWeek: maintenance.day, TimeOfDay: maintenance.timeUtc, TimeZone: 'UTC' },
        SubnetIds: zones.map((zone) => ref(privateSubnet(zone))),
        SecurityGroups: [attribute('BrokerSecurityGroup', 'GroupId')],
        Configuration: { Id: ref('BrokerConfiguration'), Revision: attribute('BrokerConfiguration', 'Revision') },
        // Amazon MQ has no audit log for RabbitMQ. The general log contains successful and refused logins (group `connection`).
        Logs: { General: true },
        // Amazon MQ creates only the administrator of a RabbitMQ broker. The function apply-topology creates the other users.
        Users: [{ Username: secretField('username'), Password: secretField('password') }],
      },
    },
  };
}
