import { effectActions } from 'surehop/tables';

import { imported, type ExportName } from '../foundation/exports.ts';
import { rotatedRoles } from '../foundation/logins.ts';
import { tables } from '../../tables.ts';
import { arn, attribute, type Resource, type Value } from '../template.ts';

/** The permissions of a function, declared as `access` in serverless.yml. Every function may also write to its own log. */
export interface Access {
  /**
   * The broker role with which the function logs in. A function without `login` does not log in to the broker, and runs
   * outside the broker's network.
   */
  readonly login?: 'publisher' | 'monitor' | 'administrator';
  /**
   * How many broker connections the function may open at the same time. Each Lambda execution environment opens one
   * connection, so the number is also the reserved concurrency of the function. For a consumer, the number is multiplied
   * by the number of execution environments that its event sources may invoke at the same time. Functions with `rest` or
   * a weight share the connections that all other functions leave: a function with `{ weight: 3 }` gets about three times
   * as many connections as a function with `rest`.
   */
  readonly connections?: number | 'rest' | { readonly weight: number };
  /**
   * With `read`, the function may read the logins of all broker users except the administrator. With `rotate`, it may
   * also change their passwords.
   */
  readonly logins?: 'read' | 'rotate';
  /** Whether the function may read the keys with which clients sign their requests. */
  readonly signingKeys?: boolean;
  /**
   * Whether the function may read the states of CloudWatch alarms. If true, the function also gets the ARNs of the
   * stage's SNS topics, because an alarm belongs to the stage if it notifies one of these topics.
   */
  readonly alarms?: boolean;
  /** Whether the function may delete the stage's event sources and list Lambda's network interfaces. */
  readonly removal?: boolean;
  /**
   * The tables in infra/tables.ts that the consumer's business rules read, check or write. The consumer gets the permissions
   * that every kind of effect needs on these tables.
   */
  readonly effects?: readonly string[];
  /**
   * The DynamoDB actions that the function may perform, by table or `table/index`. A consumer may also perform the
   * actions with which the toolkit processes messages.
   */
  readonly tables?: Readonly<Record<string, readonly string[]>>;
}

const tableNames = Object.values(tables).map(({ name }) => name);

/** The JSON schema of `access` in serverless.yml. */
export const accessSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    login: { enum: ['publisher', 'monitor', 'administrator'] },
    connections: {
      anyOf: [
        { type: 'integer', minimum: 1 },
        { const: 'rest' },
        {
          type: 'object',
          additionalProperties: false,
          required: ['weight'],
          properties: { weight: { type: 'integer', minimum: 1, maximum: 1_000 } },
        },
      ],
    },
    logins: { enum: ['read', 'rotate'] },
    signingKeys: { const: true },
    alarms: { const: true },
    removal: { const: true },
    // An enum needs at least one value, and a service may have no tables.
    effects:
      tableNames.length > 0 ? { type: 'array', minItems: 1, uniqueItems: true, items: { enum: tableNames } } : false,
    tables: {
      type: 'object',
      additionalProperties: { type: 'array', minItems: 1, items: { type: 'string', pattern: '^[A-Z][A-Za-z]+$' } },
    },
  },
};

/** The kind of queue from which the function receives messages; undefined if the function is not a consumer. */
export type Consumed = 'work queue' | 'dead-letter queue' | undefined;

/** The DynamoDB actions that the toolkit performs in a consumer, by table. */
const toolkitTables = {
  'work queue': {
    // If the broker refuses a dead letter, the consumer writes it directly to the archive.
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

/** Returns two IAM policy statements that allow Lambda, but not the function's code, to manage network interfaces. */
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

const removalStatements = (functionPrefix: string): Value[] => [
  {
    Sid: 'RemovedEventSources',
    Effect: 'Allow',
    Action: 'lambda:DeleteEventSourceMapping',
    Resource: arn('lambda', 'event-source-mapping:*'),
    Condition: { ArnLike: { 'lambda:FunctionArn': arn('lambda', `function:${functionPrefix}*`) } },
  },
  // This statement has no condition, because AWS no longer knows the function of a deleted event source.
  {
    Sid: 'EventSourcesLeft',
    Effect: 'Allow',
    Action: 'lambda:GetEventSourceMapping',
    Resource: arn('lambda', 'event-source-mapping:*'),
  },
  { Sid: 'NetworkInterfacesLeft', Effect: 'Allow', Action: 'ec2:DescribeNetworkInterfaces', Resource: '*' },
];

/**
 * The IAM policy statement that lets a function read the states of alarms. The statement covers all alarms of the
 * account, because a function that lists alarms needs a permission for all of them.
 */
const alarmStatements: Value[] = [
  { Sid: 'AlarmStates', Effect: 'Allow', Action: 'cloudwatch:DescribeAlarms', Resource: arn('cloudwatch', 'alarm:*') },
];

/** Returns the DynamoDB actions that the role of a function allows, by table or `table/index`. */
export function allowedActions({ access, consumes }: Pick<Subject, 'access' | 'consumes'>): Map<string, Set<string>> {
  const all = new Map<string, Set<string>>();
  const ofEffects = Object.fromEntries((access.effects ?? []).map((table) => [table, effectActions]));
  for (const granted of [consumes ? toolkitTables[consumes] : {}, ofEffects, access.tables ?? {}])
    for (const [name, actions] of Object.entries(granted))
      all.set(name, new Set([...(all.get(name) ?? []), ...actions]));
  return all;
}

const tableStatements = (subject: Subject): Value[] =>
  Array.from(allowedActions(subject), ([name, actions]) => {
    const [table, index] = name.split('/');
    return {
      Sid: name.replace(/[^A-Za-z0-9]+(.)?/g, (_, letter?: string) => letter?.toUpperCase() ?? '') + 'Table',
      Effect: 'Allow',
      Action: [...actions].toSorted().map((action) => `dynamodb:${action}`),
      Resource: arn('dynamodb', `table/${subject.tablePrefix}${table}${index ? `/index/${index}` : ''}`),
    };
  });

/** Returns the IAM role of a function. The role allows only what the function needs. */
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
    ...(access.alarms ? alarmStatements : []),
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
