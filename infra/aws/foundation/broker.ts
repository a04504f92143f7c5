import { attribute, ref, sub, type Resources, type Value } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';
import { privateSubnet, ZONES } from './network.ts';
import { connectionQuota } from './quota.ts';

/** The largest message, in bytes: Amazon MQ's own limit, stated because the archive and the publisher are made for it. */
const MAX_MESSAGE_BYTES = 524_288;

/**
 * What the broker is told beyond Amazon MQ's defaults, each of which would hurt silently
 * (https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/configurable-values.html).
 */
const settings = (connectionsPerNode: number): string =>
  [
    '# A queue declared with other arguments than it has must be refused, not taken for the same.',
    'quorum_queue.property_equivalence.relaxed_checks_on_redeclaration = false',
    '# Past the longest batch (14 minutes) a consumer that acknowledges nothing is dead.',
    'consumer_timeout = 1800000',
    '# The publisher is sized for this; an upgrade of the broker must not change it.',
    `connection_max = ${connectionsPerNode}`,
    `max_message_size = ${MAX_MESSAGE_BYTES}`,
    '',
  ].join('\n');

const secretField = (field: string): Value =>
  sub(`{{resolve:secretsmanager:\${AdministratorLogin}:SecretString:${field}}}`);

/** Amazon MQ for RabbitMQ in private subnets: a cluster over three zones or one instance, TLS only. */
export function broker(name: string, stage: Pick<Stage, 'broker'>): Resources {
  const { engineVersion, deployment, instanceType, maintenance } = stage.broker;
  const zones = deployment === 'CLUSTER_MULTI_AZ' ? ZONES : ZONES.slice(0, 1);
  return {
    BrokerConfiguration: {
      Type: 'AWS::AmazonMQ::Configuration',
      Properties: {
        // A configuration of another version is another configuration, beside this one until the broker has changed.
        Name: `${name}-rabbitmq-${engineVersion}`,
        EngineType: 'RABBITMQ',
        EngineVersion: engineVersion,
        Data: { 'Fn::Base64': settings(connectionQuota(stage).perNode) },
      },
    },
    Broker: {
      Type: 'AWS::AmazonMQ::Broker',
      DeletionPolicy: 'Delete',
      // A replacement must not take the messages with it.
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BrokerName: name,
        EngineType: 'RABBITMQ',
        EngineVersion: engineVersion,
        DeploymentMode: deployment,
        HostInstanceType: instanceType,
        PubliclyAccessible: false,
        AuthenticationStrategy: 'SIMPLE',
        // Patches only, in the maintenance window; a minor version is changed by hand, above.
        AutoMinorVersionUpgrade: true,
        MaintenanceWindowStartTime: { DayOfWeek: maintenance.day, TimeOfDay: maintenance.timeUtc, TimeZone: 'UTC' },
        SubnetIds: zones.map((zone) => ref(privateSubnet(zone))),
        SecurityGroups: [attribute('BrokerSecurityGroup', 'GroupId')],
        Configuration: { Id: ref('BrokerConfiguration'), Revision: attribute('BrokerConfiguration', 'Revision') },
        // RabbitMQ has no audit log on Amazon MQ; who logged in, and was refused, is in the general log's `connection` group.
        Logs: { General: true },
        // RabbitMQ takes one user here, the administrator; the others are made with the topology.
        Users: [{ Username: secretField('username'), Password: secretField('password') }],
      },
    },
  };
}
