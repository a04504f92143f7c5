import { GetItemCommand, type DynamoDBClient, type GetItemCommandOutput } from '@aws-sdk/client-dynamodb';
import type * as z from 'zod';

import { CodedError, describeError } from '../runtime/errors.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { readFailure, toStoreError } from './failure.ts';
import { describeItem, invalidEffect, toKey } from './item.ts';
import { storeSettings } from './settings.ts';
import { store } from './store.ts';
import type { ItemOf, KeyOf, KeyTypes, Table } from './tables.ts';
import { fromAttributes, InvalidValue, type Attributes } from './value.ts';

export type ReadItem = <K extends KeyTypes, S extends z.ZodObject | undefined>(
  table: Table<K, S>,
  key: KeyOf<K>,
) => Promise<ItemOf<K, S> | undefined>;

/**
 * Reads an item of a table, using a strongly consistent read. Throws an error with a code that
 * docs/guides/troubleshooting.md explains, for example `INVALID_ITEM` if the item does not match the table's schema.
 */
export const readItem = <K extends KeyTypes, S extends z.ZodObject | undefined>(
  surehop: Surehop,
  table: Table<K, S>,
  key: KeyOf<K>,
): Promise<ItemOf<K, S> | undefined> =>
  readItemFrom(store(surehop), surehop.settings(storeSettings).TABLE_PREFIX, table, key);

/**
 * Reads an item, using a strongly consistent read. Throws `INVALID_EFFECT` if the key does not fit the table,
 * `INVALID_ITEM` if the item does not match the schema, or the error of the failed request.
 */
export async function readItemFrom<K extends KeyTypes, S extends z.ZodObject | undefined>(
  client: DynamoDBClient,
  tablePrefix: string,
  table: Table<K, S>,
  key: KeyOf<K>,
): Promise<ItemOf<K, S> | undefined> {
  const { name } = table;
  const Key = keyToRead(table, key);
  const command = new GetItemCommand({ TableName: tablePrefix + name, Key, ConsistentRead: true });
  const { Item: item } = await client.send(command).catch((error: unknown): GetItemCommandOutput => {
    if (readFailure(error).is !== 'refused') throw toStoreError(error);
    const { message } = describeError(error);
    throw new CodedError('INVALID_EFFECT', `DynamoDB refuses to read from ${name}: ${message}`, { cause: error });
  });
  return item && parseItem(table, Key, item);
}

/**
 * Converts an item from DynamoDB's notation to the types of the table's schema. Throws an error with the code
 * `INVALID_ITEM` if the item does not match the schema.
 */
export function parseItem<K extends KeyTypes, S extends z.ZodObject | undefined>(
  table: Table<K, S>,
  key: Attributes,
  item: Attributes,
): ItemOf<K, S> {
  try {
    return table.parse(fromAttributes(item));
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    const message = `the attribute ${error.attribute} of ${describeItem(table.name, key)} ${error.message}`;
    throw new CodedError('INVALID_ITEM', message, { cause: error });
  }
}

/**
 * Converts the key of an item to DynamoDB's notation. Throws an error with the code `INVALID_EFFECT` if the key does
 * not fit the table.
 */
export function keyToRead<K extends KeyTypes>({ name, key: types }: Table<K, any>, key: KeyOf<K>): Attributes {
  try {
    return toKey(key, types);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw invalidEffect(`cannot read from the table ${name}: the key attribute ${error.attribute} ${error.message}`);
  }
}
