import {
  arn,
  attribute,
  pascalCase,
  ref,
  sub,
  type Resource,
  type Resources,
  type Value,
} from '../packaging/template.ts';
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

const ofThisAccount: Value = { StringEquals: { 'aws:PrincipalAccount': ref('AWS::AccountId') } };

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

/** Ways to DynamoDB and S3 that cost nothing and leave the network nowhere. */
export const gatewayEndpoints = (tablePrefix: string): Resources => ({
  TablesEndpoint: gateway('dynamodb', {
    Sid: 'TablesOfThisStage',
    Action: ['BatchGetItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'].map(
      (action) => `dynamodb:${action}`,
    ),
    Resource: arn('dynamodb', `table/${tablePrefix}*`),
    Condition: ofThisAccount,
  }),
  // CloudFormation waits for the topology's answer at an S3 address of its own, signed by itself
  // (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html).
  AnswersEndpoint: gateway('s3', {
    Sid: 'AnswersToCloudFormation',
    Action: ['s3:PutObject'],
    Resource: sub('arn:${AWS::Partition}:s3:::cloudformation-custom-resource-response-*/*'),
  }),
});

/** What passes each interface endpoint: the event sources need the first three, the functions the third. */
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
  // Lambda ships what functions print by itself; this is for what calls CloudWatch Logs from within, such as a collector layer.
  logs: {
    Sid: 'LogsOfThisStage',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: arn('logs', `log-group:/aws/lambda/${service}-${stageName}-*`),
    Condition: ofThisAccount,
  },
});

/** Ways to Lambda, STS, Secrets Manager and CloudWatch Logs from the private subnets, with a foot in each of `exitZones` zones. */
export const interfaceEndpoints = (service: string, stageName: string, exitZones: number): Resources =>
  Object.fromEntries(
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
  );
