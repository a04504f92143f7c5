import { GetItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from '@jest/globals';

import { dynamoDbClient, requestedTables } from '../../../lib/dynamodb/client.ts';
import { readFailure } from '../../../lib/dynamodb/failure.ts';
import { accessCheck, type TableAccess } from '../../../lib/dynamodb/table-access.ts';

const TABLE_PREFIX = 'shop-local-';
const access: TableAccess = {
  function: 'keep-address',
  isConsumer: true,
  tables: {
    inbox: ['BatchGetItem', 'PutItem'],
    balances: ['ConditionCheckItem', 'GetItem', 'UpdateItem'],
    'balances/newest': ['Query'],
  },
};
const checkOf = (TABLE_ACCESS: TableAccess = access) => accessCheck({ TABLE_ACCESS, TABLE_PREFIX })!;
const full = (name: string) => TABLE_PREFIX + name;

function refusal(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    const failure = readFailure(error);
    return failure.is === 'misconfigured' ? `${failure.error.code}: ${failure.error.message}` : failure.is;
  }
}

describe('the check of DynamoDB requests in the stage local', () => {
  test('a request to a table that the access setting in serverless.yml does not list is refused, and the error says what to add to the setting', () => {
    expect(refusal(() => checkOf()('UpdateItem', { TableName: full('addresses') }))).toBe(
      "ACCESS_DENIED: the function's role does not allow dynamodb:UpdateItem on the table shop-local-addresses: because the access of keep-address in serverless.yml does not allow it: add effects: [addresses]",
    );
  });

  test.each([
    [
      'a function that is no consumer',
      'GetItem',
      { TableName: full('addresses') },
      'add tables: { addresses: [GetItem] }',
    ],
    [
      'an action on a listed table',
      'DeleteItem',
      { TableName: full('balances') },
      'tables: { balances: [DeleteItem] }',
    ],
    ['an index', 'Query', { TableName: full('orders'), IndexName: 'newest' }, 'tables: { orders/newest: [Query] }'],
    ['a batch', 'BatchGetItem', { RequestItems: { [full('orders')]: {} } }, 'tables: { orders: [BatchGetItem] }'],
    ['a table without the prefix', 'PutItem', { TableName: 'other' }, 'tables: { other: [PutItem] }'],
    ['a table with an inherited name', 'PutItem', { TableName: 'constructor' }, 'tables: { constructor: [PutItem] }'],
  ])('for %s, the error says which action to add to the tables of the access', (_, operation, input, line) => {
    expect(refusal(() => checkOf({ ...access, isConsumer: false })(operation, input))).toContain(line);
  });

  test.each([
    ['GetItem', { TableName: full('balances') }],
    ['Query', { TableName: full('balances'), IndexName: 'newest' }],
    ['BatchGetItem', { RequestItems: { [full('inbox')]: {} } }],
    [
      'TransactWriteItems',
      {
        TransactItems: [
          { Put: { TableName: full('inbox') } },
          { Update: { TableName: full('balances') } },
          { ConditionCheck: { TableName: full('balances') } },
        ],
      },
    ],
    ['TransactGetItems', { TransactItems: [{ Get: { TableName: full('balances') } }] }],
    ['ListTables', {}],
  ])('a request %s is allowed if the access allows the actions of all its parts', (operation, input) => {
    expect(refusal(() => checkOf()(operation, input))).toBeUndefined();
  });

  test('a transaction is refused if serverless.yml does not allow the action of one of the writes in the transaction', () => {
    const TransactItems = [{ Put: { TableName: full('inbox') } }, { Delete: { TableName: full('addresses') } }];
    expect(refusal(() => checkOf()('TransactWriteItems', { TransactItems }))).toContain('add effects: [addresses]');
  });

  test('without the setting TABLE_ACCESS, the table access of DynamoDB requests is not checked (on AWS, TABLE_ACCESS is never set)', () => {
    expect(accessCheck({ TABLE_PREFIX })).toBeUndefined();
  });
});

test('if the access check refuses a request, the DynamoDB client does not send the request, and the error names the tables of the request', async () => {
  const sent: unknown[] = [];
  const handle = (request: unknown) => {
    sent.push(request);
    return Promise.reject(new Error('sent'));
  };
  const client = dynamoDbClient(
    {
      region: 'local',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      maxAttempts: 1,
      requestHandler: { handle },
    },
    undefined,
    checkOf(),
  );
  const Update = { TableName: full('addresses'), Key: { id: { S: '1' } }, UpdateExpression: 'REMOVE a' };
  const error: unknown = await client
    .send(new TransactWriteItemsCommand({ TransactItems: [{ Update }] }))
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'AccessDeniedException' });
  expect(requestedTables(error)).toEqual([full('addresses')]);
  expect(sent).toHaveLength(0);
  const Key = { id: { S: '1' } };
  await expect(client.send(new GetItemCommand({ TableName: full('balances'), Key }))).rejects.toThrow('sent');
  expect(sent).toHaveLength(1);
});
