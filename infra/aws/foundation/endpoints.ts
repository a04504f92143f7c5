import { arn, attribute, pascalCase, ref, sub, type Resource, type Resources, type Value } from '../template.ts';
import { privateRoutes, privateSubnet, ZONES } from './network.ts';

interface Grant {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: Value;
  readonly Condition?: Value;
}

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

/**
 * Returns the gateway endpoint for this stage's DynamoDB tables. Gateway endpoints are free, and their traffic stays in the VPC.
 */
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
 * Returns the S3 endpoint of a VPC without internet access. Through this endpoint, custom resources respond to
 * CloudFormation by writing to a presigned S3 URL
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html).
 */
const answersEndpoint = (): Resources => ({
  AnswersEndpoint: gateway('s3', {
    Sid: 'AnswersToCloudFormation',
    Action: ['s3:PutObject'],
    Resource: sub('arn:${AWS::Partition}:s3:::cloudformation-custom-resource-response-*/*'),
  }),
});

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

/**
 * Returns the VPC endpoints of a VPC without internet access. `exitZones` is the number of availability zones in which
 * each interface endpoint has a network interface.
 */
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
