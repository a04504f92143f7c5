import { expect, test } from '@jest/globals';

import { roleOf } from '../../../infra/aws/service/access.ts';

test('the IAM role of a consumer allows the declared actions, and the actions that its effects, the inbox and the dead-letter archive need', () => {
  const role = roleOf({
    functionName: 'ship',
    logGroupId: 'ShipLogGroup',
    access: { tables: { inbox: ['GetItem', 'PutItem'], parcels: ['UpdateItem'] }, effects: ['shelves'] },
    consumes: 'work queue',
    stageName: 'dev',
    tablePrefix: 'surehop-dev-',
  });
  const statements = JSON.parse(JSON.stringify(role.Properties)).Policies[0].PolicyDocument.Statement as {
    Sid: string;
    Action: unknown;
  }[];
  const tables = statements.filter(({ Sid }) => Sid.endsWith('Table'));
  expect(Object.fromEntries(tables.map(({ Sid, Action }) => [Sid, Action]))).toEqual({
    deadLettersTable: ['dynamodb:GetItem', 'dynamodb:PutItem'],
    inboxTable: ['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'UpdateItem'].map(
      (action) => `dynamodb:${action}`,
    ),
    parcelsTable: ['dynamodb:UpdateItem'],
    shelvesTable: ['ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'UpdateItem'].map(
      (action) => `dynamodb:${action}`,
    ),
  });
});
