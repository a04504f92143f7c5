import { imported, type ExportName } from '../foundation/exports.ts';
import { rotatedRoles } from '../foundation/logins.ts';
import { arn, attribute, type Resource, type Value } from '../template.ts';

/** What a function may reach, as `access` in serverless.yml says it. */
export interface Access {
  /** As whom it logs in to the broker; only a function with a login is put into the broker's network. */
  readonly login?: 'publisher' | 'monitor' | 'administrator';
  /**
   * AMQP connections that it may hold, for each environment that an event source invokes: one per environment, so that so
   * many may run. `rest`: what the broker's quota leaves.
   */
  readonly connections?: number | 'rest';
  /** What it does with the logins of others, to make or to change them. */
  readonly logins?: 'read' | 'rotate';
  /** Whether it reads the keys that clients sign with. */
  readonly signingKeys?: boolean;
  /** Whether it deletes the stage's event sources, and sees whether Lambda's network interfaces are gone. */
  readonly removal?: boolean;
  /** Actions of DynamoDB by table, or by `table/index`. */
  readonly tables?: Readonly<Record<string, readonly string[]>>;
}

/** The shape of `access`, for the schema of serverless.yml. */
export const accessSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    login: { enum: ['publisher', 'monitor', 'administrator'] },
    connections: { anyOf: [{ type: 'integer', minimum: 1 }, { const: 'rest' }] },
    logins: { enum: ['read', 'rotate'] },
    signingKeys: { const: true },
    removal: { const: true },
    tables: {
      type: 'object',
      additionalProperties: { type: 'array', minItems: 1, items: { type: 'string', pattern: '^[A-Z][A-Za-z]+$' } },
    },
  },
};

interface Subject {
  readonly functionName: string;
  readonly logGroupId: string;
  readonly access: Access;
  readonly isConsumer: boolean;
  readonly stageName: string;
  readonly tablePrefix: string;
}

const login = (stageName: string, role: string) => imported(stageName, `${role}-login` as ExportName);

function secretStatements({ access, isConsumer, stageName }: Subject): Value[] {
  const readable = new Set([
    ...(access.login ? [access.login] : []),
    ...(isConsumer ? ['consumer'] : []),
    ...(access.logins ? rotatedRoles : []),
  ]);
  const statements: Value[] = [];
  if (readable.size > 0)
    statements.push({
      Sid: 'Logins',
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: [...readable].map((role) => login(stageName, role)),
    });
  if (access.signingKeys)
    statements.push({
      Sid: 'SigningKeys',
      Effect: 'Allow',
      Action: 'secretsmanager:GetSecretValue',
      Resource: imported(stageName, 'signing-keys'),
    });
  if (access.logins === 'rotate')
    statements.push({
      Sid: 'Rotation',
      Effect: 'Allow',
      Action: ['DescribeSecret', 'PutSecretValue', 'UpdateSecretVersionStage'].map((one) => `secretsmanager:${one}`),
      Resource: rotatedRoles.map((role) => login(stageName, role)),
    });
  return statements;
}

const INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeSubnets',
  'ec2:DescribeVpcs',
  'ec2:UnassignPrivateIpAddresses',
];

/** For Lambda, which lays the network with the function's role; and not for the function's code, which runs with it too (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html). */
const networkStatements = (functionName: string): Value[] => [
  { Sid: 'NetworkInterfaces', Effect: 'Allow', Action: INTERFACE_ACTIONS, Resource: '*' },
  {
    Sid: 'NetworkInterfacesAreNotForCode',
    Effect: 'Deny',
    Action: INTERFACE_ACTIONS,
    Resource: '*',
    Condition: { ArnEquals: { 'lambda:SourceFunctionArn': arn('lambda', `function:${functionName}`) } },
  },
];

/** For the removal of the stack: event sources have no ARN beforehand, and Describe knows no resources. */
const removalStatements = (functionPrefix: string): Value[] => [
  {
    Sid: 'RemovedEventSources',
    Effect: 'Allow',
    Action: 'lambda:DeleteEventSourceMapping',
    Resource: arn('lambda', 'event-source-mapping:*'),
    Condition: { ArnLike: { 'lambda:FunctionArn': arn('lambda', `function:${functionPrefix}*`) } },
  },
  // Without a condition: of one that is gone AWS does not know the function any more.
  {
    Sid: 'EventSourcesLeft',
    Effect: 'Allow',
    Action: 'lambda:GetEventSourceMapping',
    Resource: arn('lambda', 'event-source-mapping:*'),
  },
  { Sid: 'NetworkInterfacesLeft', Effect: 'Allow', Action: 'ec2:DescribeNetworkInterfaces', Resource: '*' },
];

function tableStatements({ access: { tables = {} }, tablePrefix }: Subject): Value[] {
  return Object.entries(tables).map(([name, actions]) => {
    const [table, index] = name.split('/');
    return {
      Sid: name.replace(/[^A-Za-z0-9]+(.)?/g, (_, letter?: string) => letter?.toUpperCase() ?? '') + 'Table',
      Effect: 'Allow',
      Action: actions.map((action) => `dynamodb:${action}`),
      Resource: arn('dynamodb', `table/${tablePrefix}${table}${index ? `/index/${index}` : ''}`),
    };
  });
}

/** A role of the function's own, with what it needs and nothing besides. */
export function roleOf(subject: Subject): Resource {
  const { functionName, logGroupId, access, isConsumer, stageName } = subject;
  const statements: Value[] = [
    {
      Sid: 'OwnLog',
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: attribute(logGroupId, 'Arn'),
    },
    ...tableStatements(subject),
    ...secretStatements(subject),
    ...(isConsumer
      ? [
          {
            Sid: 'EventSource',
            Effect: 'Allow',
            Action: 'mq:DescribeBroker',
            Resource: imported(stageName, 'broker-arn'),
          },
        ]
      : []),
    ...(access.login || isConsumer ? networkStatements(functionName) : []),
    ...(access.removal ? removalStatements(subject.tablePrefix) : []),
  ];
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      Description: `What ${functionName} may do`,
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      Policies: [{ PolicyName: 'access', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
    },
  };
}
