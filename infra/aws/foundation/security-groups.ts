import { attribute, ref, type Resource, type Resources } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';

/** The port on which Amazon MQ accepts AMQP over TLS. */
const AMQPS = 5671;
/** The HTTPS port, on which functions call RabbitMQ's management API and the AWS APIs. */
const HTTPS = 443;

const securityGroup = (description: string): Resource => ({
  Type: 'AWS::EC2::SecurityGroup',
  Properties: {
    GroupDescription: description,
    VpcId: ref('Network'),
    // AWS adds a rule that allows all outgoing traffic to a security group without egress rules. This rule replaces it and
    // matches no address in use.
    SecurityGroupEgress: [
      { IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32', Description: 'nothing' },
    ],
  },
});

function allow(name: string, from: string, to: string, port: number, description: string): Resources {
  const [source, target] = [attribute(from, 'GroupId'), attribute(to, 'GroupId')];
  const rule = { IpProtocol: 'tcp', FromPort: port, ToPort: port, Description: description };
  return {
    [`${name}Out`]: {
      Type: 'AWS::EC2::SecurityGroupEgress',
      Properties: { GroupId: source, DestinationSecurityGroupId: target, ...rule },
    },
    [`${name}In`]: {
      Type: 'AWS::EC2::SecurityGroupIngress',
      Properties: { GroupId: target, SourceSecurityGroupId: source, ...rule },
    },
  };
}

/**
 * Returns a security group rule that allows HTTPS to any address, because S3, DynamoDB and the internet have no
 * security group.
 */
const httpsOut = (from: string): Resource => ({
  Type: 'AWS::EC2::SecurityGroupEgress',
  Properties: {
    GroupId: attribute(from, 'GroupId'),
    CidrIp: '0.0.0.0/0',
    IpProtocol: 'tcp',
    FromPort: HTTPS,
    ToPort: HTTPS,
    Description: 'AWS, as far as the routes lead',
  },
});

/** Returns the security groups of a stage and their rules. */
export const securityGroups = ({ network: { exit } }: Pick<Stage, 'network'>): Resources => ({
  FunctionsSecurityGroup: securityGroup('Functions that talk to the broker'),
  BrokerSecurityGroup: securityGroup('The broker, and the event sources that read from it'),
  FunctionsOut: httpsOut('FunctionsSecurityGroup'),
  ...allow('Amqp', 'FunctionsSecurityGroup', 'BrokerSecurityGroup', AMQPS, 'functions publish'),
  ...allow(
    'Management',
    'FunctionsSecurityGroup',
    'BrokerSecurityGroup',
    HTTPS,
    'functions read and change the topology',
  ),
  ...allow('EventSourcesAmqp', 'BrokerSecurityGroup', 'BrokerSecurityGroup', AMQPS, 'event sources consume'),
  ...(exit === 'nat'
    ? { EventSourcesOut: httpsOut('BrokerSecurityGroup') }
    : {
        EndpointsSecurityGroup: securityGroup('Interface endpoints of AWS'),
        ...allow('FunctionsToAws', 'FunctionsSecurityGroup', 'EndpointsSecurityGroup', HTTPS, 'functions read secrets'),
        ...allow('EventSourcesToAws', 'BrokerSecurityGroup', 'EndpointsSecurityGroup', HTTPS, 'event sources invoke'),
      }),
});
