import { GetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { StoreUnavailableError } from '../errors.ts';
import type { Item, Key } from './decision.ts';
import { toKey, type Attributes } from './item.ts';

/** Reads an item as it is now, strongly consistent; `table` is named without its prefix. Throws `StoreUnavailableError`. */
export async function readItem(
  client: DynamoDBClient,
  tablePrefix: string,
  table: string,
  key: Key,
): Promise<Item | undefined> {
  try {
    const command = new GetItemCommand({
      TableName: tablePrefix + table,
      Key: toKey(table, key),
      ConsistentRead: true,
    });
    const { Item: item } = await client.send(command);
    return item && fromAttributes(item);
  } catch (error) {
    throw new StoreUnavailableError({ cause: error });
  }
}

/** Plain values of an item; what is neither text, number, boolean nor null is left out. */
function fromAttributes(attributes: Attributes): Item {
  const item: Record<string, Item[string]> = {};
  for (const [name, { S, N, BOOL, NULL }] of Object.entries(attributes)) {
    if (N !== undefined) item[name] = Number(N);
    else if (S !== undefined || BOOL !== undefined) item[name] = S ?? BOOL;
    else if (NULL) item[name] = null;
  }
  return item;
}
