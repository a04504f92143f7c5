import { UsageError } from '../commands/command.ts';
import type { Changes } from './changes.ts';
import { addImport, addProperty, addZod } from './edit-typescript.ts';
import { call, camelCase } from './names.ts';
import { requireName } from './service.ts';

/**
 * Adds a table to infra/tables.ts, with a test. `keys` are the key attributes of the table, such as `customerId` or
 * `at:N`.
 */
export function addTable(changes: Changes, name: string, keys: readonly string[]): void {
  requireName(name, 'table');
  if (keys.length < 1 || keys.length > 2)
    throw new UsageError('pass --key with the partition key, and a second --key if the table has a sort key');
  const attributes = keys.map((key) => {
    const [, attribute, type = 'S'] = /^([A-Za-z_]\w*)(?::([SN]))?$/.exec(key) ?? [];
    if (attribute === undefined)
      throw new UsageError(`--key is "${key}": use the name of an attribute, with :N if it is a number`);
    return { attribute, type };
  });
  const file = 'infra/tables.ts';
  const property = camelCase(name);
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
  changes.edit(file, (text) =>
    addProperty(text, {
      file,
      constant: 'tables',
      name: property,
      value,
    }),
  );
  const isKnown = changes.read(file) === before;
  if (!isKnown) changes.edit(file, (text) => addZod(addImport(text, 'defineTable', 'surehop/tables')));
  changes.createUnless(isKnown, `test/${name}-table.test.ts`, testOf(name, property, attributes));
}

const testOf = (
  name: string,
  property: string,
  attributes: readonly { readonly attribute: string; readonly type: string }[],
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
  assert.equal(await readItem(bench.surehop, tables.${property}, key), undefined);
});
`;
