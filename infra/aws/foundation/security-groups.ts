import { attribute, ref, type Resource, type Resources } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';

/** The port of AMQP over TLS on Amazon MQ. */
const AMQPS = 5671;
/** The port of the management API and of AWS services. */
const HTTPS = 443;

const securityGroup = (description: string): Resource => ({
  Type: 'AWS::EC2::SecurityGroup',
  Properties: {
    GroupDescription: description,
    VpcId: ref('Network'),
    // A security group without egress rules allows all outgoing traffic, so this rule matches nothing.
    SecurityGroupEgress: [
      { IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32', Description: 'nothing' },
    ],
  },
});

/** Allows connections from one security group to another, with a rule on each side. */
function admit(name: string, from: string, to: string, port: number, description: string): Resources {
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
 * Allows HTTPS to destinations without a security group: S3 and DynamoDB through gateway endpoints, or the internet through a NAT
 * gateway. The route tables determine which destinations are reachable.
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

/** The allowed connections. Event sources use the broker's security group, so the group must allow connections to itself. */
export const securityGroups = ({ network: { exit } }: Pick<Stage, 'network'>): Resources => ({
  FunctionsSecurityGroup: securityGroup('Functions that talk to the broker'),
  BrokerSecurityGroup: securityGroup('The broker, and the event sources that read from it'),
  FunctionsOut: httpsOut('FunctionsSecurityGroup'),
  ...admit('Amqp', 'FunctionsSecurityGroup', 'BrokerSecurityGroup', AMQPS, 'functions publish'),
  ...admit(
    'Management',
    'FunctionsSecurityGroup',
    'BrokerSecurityGroup',
    HTTPS,
    'functions read and change the topology',
  ),
  ...admit('EventSourcesAmqp', 'BrokerSecurityGroup', 'BrokerSecurityGroup', AMQPS, 'event sources consume'),
  ...(exit === 'nat'
    ? { EventSourcesOut: httpsOut('BrokerSecurityGroup') }
    : {
        EndpointsSecurityGroup: securityGroup('Interface endpoints of AWS'),
        ...admit('FunctionsToAws', 'FunctionsSecurityGroup', 'EndpointsSecurityGroup', HTTPS, 'functions read secrets'),
        ...admit('EventSourcesToAws', 'BrokerSecurityGroup', 'EndpointsSecurityGroup', HTTPS, 'event sources invoke'),
      }),
});
