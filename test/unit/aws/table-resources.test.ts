import { expect, test } from '@jest/globals';

import { resourcesOf } from '../../../infra/aws/foundation/table-resources.ts';
import { defineTable } from '../../../lib/dynamodb/tables.ts';
import { toolkitTables } from '../../../lib/dynamodb/toolkit-tables.ts';

const named = (name: string) => ({ name, key: { id: 'S' as const }, indexes: {}, expires: false });

test.each(toolkitTables.map(({ name }) => name))(
  'a service cannot define a table with the name %s, because the table belongs to Surehop',
  (name) => {
    expect(() => defineTable({ name, key: { id: 'S' } })).toThrow(
      `the table name "${name}" belongs to Surehop: choose another name`,
    );
    expect(() => resourcesOf([...toolkitTables, named(name)], '')).toThrow(`two tables have the name "${name}"`);
  },
);

test.each(['order_items', 'orderItems', 'order.items', 'OrderItems', 'order--items', 'queue_samples'])(
  'a table named %s is refused if its CloudFormation logical id would equal that of another table',
  (name) => {
    expect(() => resourcesOf([...toolkitTables, named('order-items'), named(name)], '')).toThrow(
      /would get the same CloudFormation logical id \w+Table: rename one of the two/,
    );
  },
);

test('a table whose name ends with punctuation is refused, because CloudFormation would refuse its resource', () => {
  expect(() => resourcesOf([named('orders-')], '')).toThrow('the table name "orders-" ends with punctuation');
});

test('a table that a service lists twice becomes one CloudFormation resource', () => {
  const orders = named('orders');
  expect(Object.keys(resourcesOf([orders, orders], ''))).toEqual(['OrdersTable']);
});
