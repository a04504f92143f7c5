import { resourcesOf } from 'serverless-surehop/tables';
import { toolkitTables } from 'surehop/tables';

import { UsageError } from '../commands/command.ts';
import type { Changes } from './changes.ts';
import { addImport, addProperty, addZod } from './edit-typescript.ts';
import { call, camelCase, member } from './names.ts';
import { reasonOf } from '../runtime/command-line.ts';
import { requireName, type Service } from './service.ts';

/**
 * Adds a table to infra/tables.ts, with a test. `keys` are the key attributes of the table, such as `customerId` or
 * `at:N`.
 */
export function addTable(changes: Changes, service: Service, name: string, keys: readonly string[]): void {
  requireName(name, 'table');
  if (keys.length < 1 || keys.length > 2)
    throw new UsageError('pass --key with the partition key, and a second --key if the table has a sort key');
  const attributes = keys.map((key) => {
    const [, attribute, type = 'S'] = /^([A-Za-z_]\w*)(?::([SN]))?$/.exec(key) ?? [];
    if (attribute === undefined || attribute === '__proto__')
      throw new UsageError(
        `--key is "${key}": use the name of an attribute, and append :N if its type is number, such as customerId or at:N`,
      );
    return { attribute, type };
  });
  if (attributes[0]!.attribute === attributes[1]?.attribute)
    throw new UsageError(
      `the partition key and the sort key are both "${attributes[0]!.attribute}": use two different attributes`,
    );
  const file = 'infra/tables.ts';
  const known = Object.entries(service.tables).find(([, table]) => table.name === name)?.[0];
  const property = known ?? camelCase(name);
  if (known === undefined) requireNewTable(service, name, attributes);
  if (known === undefined && Object.hasOwn(service.tables, property))
    throw new UsageError(
      `"tables.${property}" in ${file} already contains the table ${service.tables[property]!.name}: choose another name for the new table`,
    );
  const value = call(
    'defineTable(',
    [
      `name: '${name}'`,
      `key: { ${attributes.map(({ attribute, type }) => `${attribute}: '${type}'`).join(', ')} }`,
      'item: z.object({})',
    ],
    property.length + 4,
  );
  const before = changes.read(file);
  if (known === undefined)
    changes.edit(file, (text) => addProperty(text, { file, constant: 'tables', name: property, value }));
  const isKnown = changes.read(file) === before;
  if (!isKnown)
    changes.edit(file, (text) =>
      addZod(addImport(text, { file, name: 'defineTable', module: 'surehop/tables' }), file),
    );
  changes.createUnless(isKnown, `test/${name}-table.test.ts`, testOf(name, property, attributes));
}

interface KeyAttribute {
  readonly attribute: string;
  readonly type: string;
}

/** Throws a `UsageError` if a deployment would refuse the new table, for example because its name already exists. */
function requireNewTable({ tables }: Service, name: string, attributes: readonly KeyAttribute[]): void {
  if (toolkitTables.some((table) => table.name === name))
    throw new UsageError(`the table name "${name}" belongs to Surehop: choose another name`);
  const key = Object.fromEntries(attributes.map(({ attribute, type }) => [attribute, type as 'S' | 'N']));
  try {
    resourcesOf([...toolkitTables, ...Object.values(tables), { name, key, indexes: {}, expires: false }], '');
  } catch (error) {
    throw new UsageError(`the table ${name} cannot be added: ${reasonOf(error)}`, { cause: error });
  }
}

const testOf = (
  name: string,
  property: string,
  attributes: readonly KeyAttribute[],
): string => `import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { readItem } from 'surehop/dynamodb';
import { workshop, type Workshop } from 'surehop-dev';

import { tables } from '../infra/tables.ts';

// This test uses a real DynamoDB, with tables of its own.
let bench: Workshop;
before(async () => {
  bench = await workshop({ tables });
});
after(() => bench.close());

test('an item of the table ${name} is found by ${attributes.map(({ attribute }) => attribute).join(' and ')}', async () => {
  const key = { ${attributes.map(({ attribute, type }) => `${attribute}: ${type === 'N' ? 1 : "'one'"}`).join(', ')} };
  assert.equal(await readItem(bench.surehop, ${member('tables', property)}, key), undefined);
});
`;
