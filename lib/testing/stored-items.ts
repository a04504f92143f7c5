import type * as z from 'zod';

import { itemId } from '../dynamodb/item.ts';
import { keyToRead, parseItem } from '../dynamodb/read-item.ts';
import type { ItemOf, KeyOf, KeyTypes, Table } from '../dynamodb/tables.ts';
import type { Attributes } from '../dynamodb/value.ts';
import { addOperation, type Operation } from '../dynamodb/operation.ts';
import { applyOperations } from './items.ts';
import type { MemoryStore } from './memory-store.ts';

/** The attributes of an item without its key. */
export type ItemInput<K extends KeyTypes, S extends z.ZodObject | undefined> = Parameters<Table<K, S>['put']>[1];

/** Read access to the items in the in-memory store. */
export interface StoredItems {
  /** Returns the stored item with the key `key`, or `undefined` if the table has no such item. */
  item<K extends KeyTypes, S extends z.ZodObject | undefined>(
    table: Table<K, S>,
    key: KeyOf<K>,
  ): ItemOf<K, S> | undefined;
  /** Returns all items of a table. */
  items<K extends KeyTypes, S extends z.ZodObject | undefined>(table: Table<K, S>): ItemOf<K, S>[];
}

/** Stores items in the in-memory store before the consumer receives the first message. */
export interface Given {
  /** Stores an item in the table without running a business rule. */
  given<K extends KeyTypes, S extends z.ZodObject | undefined>(
    table: Table<K, S>,
    key: KeyOf<K>,
    item: ItemInput<K, S>,
  ): unknown;
}

/**
 * Writes an item directly into the in-memory store. Throws an error if the item does not match the schema of its table.
 */
export function giveItem<K extends KeyTypes, S extends z.ZodObject | undefined>(
  store: MemoryStore,
  table: Table<K, S>,
  key: KeyOf<K>,
  item: ItemInput<K, S>,
): void {
  const operations = new Map<string, Operation>();
  addOperation(table.put(key, item), operations);
  applyOperations([...operations.values()], store.items);
}

export function attributesOf<K extends KeyTypes>(
  store: MemoryStore,
  table: Table<K, any>,
  key: KeyOf<K>,
): { readonly key: Attributes; readonly item: Attributes | undefined } {
  const attributes = keyToRead(table, key);
  return { key: attributes, item: store.items.get(itemId(table.name, attributes))?.item };
}

export const storedItems = (store: MemoryStore): StoredItems => ({
  item(table, key) {
    const { key: attributes, item } = attributesOf(store, table, key);
    return item && parseItem(table, attributes, item);
  },
  items: (table) =>
    [...store.items.values()]
      .filter((one) => one.table === table.name)
      .map(({ item }) => {
        const key = Object.fromEntries(Object.keys(table.key).map((name) => [name, item[name]!]));
        return parseItem(table, key, item);
      }),
});
