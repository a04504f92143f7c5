import { arn, attribute, pascalCase, ref, sub, type Resource, type Resources, type Value } from '../template.ts';
import { privateRoutes, privateSubnet, ZONES } from './network.ts';

interface Grant {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: Value;
  readonly Condition?: Value;
}

/** Whoever comes in this way needs rights of their own besides: an endpoint's policy only says what it lets pass. */
const policy = (grant: Grant): Value => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', ...grant }],
});

const gateway = (service: string, grant: Grant): Resource => ({
  Type: 'AWS::EC2::VPCEndpoint',
  Properties: {
    VpcId: ref('Network'),
    VpcEndpointType: 'Gateway',
    ServiceName: sub(`com.amazonaws.\${AWS::Region}.${service}`),
    RouteTableIds: ZONES.map((zone) => ref(privateRoutes(zone))),
    PolicyDocument: policy(grant),
  },
});

/** A way to this stage's tables that costs nothing and leaves the network nowhere. */
export const tablesEndpoint = (tablePrefix: string): Resources => ({
  TablesEndpoint: gateway('dynamodb', {
    Sid: 'TablesOfThisStage',
    Action: ['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'].map(
      (action) => `dynamodb:${action}`,
    ),
    Resource: arn('dynamodb', `table/${tablePrefix}*`),
    Condition: { StringEquals: { 'aws:PrincipalAccount': ref('AWS::AccountId') } },
  }),
});

/**
 * The way on which the topology answers CloudFormation, which waits at an S3 address that it has signed itself
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html). Where there are NAT gateways
 * they lead to S3, and a gateway endpoint would shut everything in S3 that its policy does not name.
 */
const answersEndpoint = (): Resources => ({
  AnswersEndpoint: gateway('s3', {
    Sid: 'AnswersToCloudFormation',
    Action: ['s3:PutObject'],
    Resource: sub('arn:${AWS::Partition}:s3:::cloudformation-custom-resource-response-*/*'),
  }),
});

/**
 * What passes each interface endpoint: the event sources need all three, the functions the third. What functions print,
 * Lambda ships from outside the network.
 */
const interfaces = (service: string, stageName: string): Readonly<Record<string, Grant>> => ({
  lambda: {
    Sid: 'FunctionsOfThisStage',
    Action: ['lambda:InvokeFunction'],
    Resource: arn('lambda', `function:${service}-${stageName}-*`),
  },
  sts: {
    Sid: 'RolesOfThisStage',
    Action: ['sts:AssumeRole'],
    Resource: sub(`arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/${service}-${stageName}-*`),
  },
  secretsmanager: {
    Sid: 'LoginsOfThisStage',
    Action: ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'].map(
      (action) => `secretsmanager:${action}`,
    ),
    Resource: arn('secretsmanager', `secret:${service}/${stageName}/*`),
  },
});

/** All ways to AWS for a network that leads nowhere else, interface endpoints with a foot in each of `exitZones` zones. */
export const endpoints = (service: string, stageName: string, exitZones: number): Resources => ({
  ...answersEndpoint(),
  ...Object.fromEntries(
    Object.entries(interfaces(service, stageName)).map(([name, grant]) => [
      `${pascalCase(name)}Endpoint`,
      {
        Type: 'AWS::EC2::VPCEndpoint',
        Properties: {
          VpcId: ref('Network'),
          VpcEndpointType: 'Interface',
          ServiceName: sub(`com.amazonaws.\${AWS::Region}.${name}`),
          SubnetIds: ZONES.filter((zone) => zone <= exitZones).map((zone) => ref(privateSubnet(zone))),
          SecurityGroupIds: [attribute('EndpointsSecurityGroup', 'GroupId')],
          PrivateDnsEnabled: true,
          PolicyDocument: policy(grant),
        },
      },
    ]),
  ),
});
