import { attribute, ref, type Resource, type Resources } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';

/** AMQP over TLS; Amazon MQ has no other port for it. */
const AMQPS = 5671;
/** The management API, and every service of AWS. */
const HTTPS = 443;

const securityGroup = (description: string): Resource => ({
  Type: 'AWS::EC2::SecurityGroup',
  Properties: {
    GroupDescription: description,
    VpcId: ref('Network'),
    // With no rule at all AWS would let everything out, so one that matches nothing.
    SecurityGroupEgress: [
      { IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32', Description: 'nothing' },
    ],
  },
});

/** Lets `from` open connections to `to`: one rule on either side. */
function admit(name: string, from: string, to: string, port: number, why: string): Resources {
  const [source, target] = [attribute(from, 'GroupId'), attribute(to, 'GroupId')];
  const rule = { IpProtocol: 'tcp', FromPort: port, ToPort: port, Description: why };
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
 * HTTPS to where no security group stands: S3 and DynamoDB behind their gateway endpoints, or AWS behind a NAT gateway.
 * How far that leads, the routes decide.
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

/** Who may talk to whom. The event sources work from the broker's own security group, so that it must admit itself. */
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
