import { GetItemCommand, type DynamoDBClient, type GetItemCommandOutput } from '@aws-sdk/client-dynamodb';

import { CodedError } from '../runtime/errors.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { readFailure, toStoreError } from './failure.ts';
import { toKey, type Attributes, type Item, type Key } from './item.ts';
import { storeSettings } from './settings.ts';
import { store } from './store.ts';
import type { Table } from './tables.ts';

/** Reads an item from a table of the service, using a strongly consistent read. Throws the same errors as `readItemFrom`. */
export const readItem = (surehop: Surehop, table: Table, key: Key): Promise<Item | undefined> =>
  readItemFrom(store(surehop), surehop.settings(storeSettings).TABLE_PREFIX, table, key);

/**
 * Reads an item, using a strongly consistent read. Throws `INVALID_EFFECT` if the key does not fit the table,
 * `StoreUnavailableError` if DynamoDB does not answer, and `MisconfiguredError` if the deployment is wrong.
 */
export async function readItemFrom(
  client: DynamoDBClient,
  tablePrefix: string,
  table: Table,
  key: Key,
): Promise<Item | undefined> {
  const command = new GetItemCommand({
    TableName: tablePrefix + table,
    Key: toKey(table, key),
    ConsistentRead: true,
  });
  const { Item: item } = await client.send(command).catch((error: unknown): GetItemCommandOutput => {
    if (readFailure(error).is !== 'refused') throw toStoreError(error);
    const text = error instanceof Error ? error.message : String(error);
    throw new CodedError('INVALID_EFFECT', `DynamoDB refuses to read from ${table}: ${text}`, { cause: error });
  });
  return item && fromAttributes(item);
}

/** Converts a DynamoDB item to plain values. Leaves out attributes that are not a string, number, boolean or null. */
function fromAttributes(attributes: Attributes): Item {
  const item: Record<string, Item[string]> = {};
  for (const [name, { S, N, BOOL, NULL }] of Object.entries(attributes)) {
    if (N !== undefined) item[name] = Number(N);
    else if (S !== undefined || BOOL !== undefined) item[name] = S ?? BOOL;
    else if (NULL) item[name] = null;
  }
  return item;
}
