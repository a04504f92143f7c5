import { imported, type ExportName } from '../foundation/exports.ts';
import { rotatedRoles } from '../foundation/logins.ts';
import { arn, attribute, type Resource, type Value } from '../template.ts';

/** What a function may reach besides its own log, from `access` in serverless.yml. */
export interface Access {
  /** The broker user that the function logs in as. Only a function with a login runs in the broker's network. */
  readonly login?: 'publisher' | 'monitor' | 'administrator';
  /**
   * AMQP connections that the function may hold. Each environment holds one, so this limits its concurrency; for a consumer the
   * limit applies per environment of its event source. `rest` is what the broker's quota leaves after all other functions.
   */
  readonly connections?: number | 'rest';
  /** Whether the function reads or also rotates the logins of the other broker users. */
  readonly logins?: 'read' | 'rotate';
  /** Whether the function reads the signing keys of clients. */
  readonly signingKeys?: boolean;
  /** Whether the function deletes the stage's event sources and lists Lambda's network interfaces. */
  readonly removal?: boolean;
  /** DynamoDB actions by table or `table/index`. A consumer also gets what the toolkit itself needs (`toolkitTables`). */
  readonly tables?: Readonly<Record<string, readonly string[]>>;
}

/** The JSON schema of `access` in serverless.yml. */
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

/** The kind of queue whose messages the function receives, if it is a consumer. */
export type Consumed = 'work queue' | 'dead-letter queue' | undefined;

/** What the toolkit does with its own tables in a consumer. */
const toolkitTables = {
  'work queue': {
    // A dead letter that the broker refuses goes straight into the archive.
    'dead-letters': ['GetItem', 'PutItem'],
    inbox: ['BatchGetItem', 'DeleteItem', 'PutItem', 'UpdateItem'],
  },
  'dead-letter queue': { 'dead-letters': ['GetItem', 'PutItem', 'UpdateItem'] },
} as const;

interface Subject {
  readonly functionName: string;
  readonly logGroupId: string;
  readonly access: Access;
  readonly consumes: Consumed;
  readonly stageName: string;
  readonly tablePrefix: string;
}

const login = (stageName: string, role: string) => imported(stageName, `${role}-login` as ExportName);

function secretStatements({ access, consumes, stageName }: Subject): Value[] {
  const readable = new Set([
    ...(access.login ? [access.login] : []),
    ...(consumes ? ['consumer'] : []),
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

/** Lambda creates network interfaces with the function's role; the Deny keeps the function's own code, which has the same role, from doing so (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html). */
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

/** For the removal of the stack. An event source's ARN is not known beforehand, and EC2's Describe actions cannot be restricted to resources. */
const removalStatements = (functionPrefix: string): Value[] => [
  {
    Sid: 'RemovedEventSources',
    Effect: 'Allow',
    Action: 'lambda:DeleteEventSourceMapping',
    Resource: arn('lambda', 'event-source-mapping:*'),
    Condition: { ArnLike: { 'lambda:FunctionArn': arn('lambda', `function:${functionPrefix}*`) } },
  },
  // Without a condition, because AWS no longer knows the function of a deleted event source.
  {
    Sid: 'EventSourcesLeft',
    Effect: 'Allow',
    Action: 'lambda:GetEventSourceMapping',
    Resource: arn('lambda', 'event-source-mapping:*'),
  },
  { Sid: 'NetworkInterfacesLeft', Effect: 'Allow', Action: 'ec2:DescribeNetworkInterfaces', Resource: '*' },
];

function tableStatements({ access: { tables }, consumes, tablePrefix }: Subject): Value[] {
  const all: Record<string, readonly string[]> = { ...(consumes && toolkitTables[consumes]), ...tables };
  return Object.entries(all).map(([name, actions]) => {
    const [table, index] = name.split('/');
    return {
      Sid: name.replace(/[^A-Za-z0-9]+(.)?/g, (_, letter?: string) => letter?.toUpperCase() ?? '') + 'Table',
      Effect: 'Allow',
      Action: actions.map((action) => `dynamodb:${action}`),
      Resource: arn('dynamodb', `table/${tablePrefix}${table}${index ? `/index/${index}` : ''}`),
    };
  });
}

/** The function's own role, which allows what the function needs and nothing else. */
export function roleOf(subject: Subject): Resource {
  const { functionName, logGroupId, access, consumes, stageName } = subject;
  const statements: Value[] = [
    {
      Sid: 'OwnLog',
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: attribute(logGroupId, 'Arn'),
    },
    ...tableStatements(subject),
    ...secretStatements(subject),
    ...(consumes
      ? [
          {
            Sid: 'EventSource',
            Effect: 'Allow',
            Action: 'mq:DescribeBroker',
            Resource: imported(stageName, 'broker-arn'),
          },
        ]
      : []),
    ...(access.login || consumes ? networkStatements(functionName) : []),
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
