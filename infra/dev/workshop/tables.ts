import type { Table } from '../runtime/store/create-tables.ts';

type Key = Readonly<Record<string, 'S' | 'N'>>;

/** A table, as `defineTable` of `surehop/dynamodb` returns it. */
export interface TableDefinition {
  /** The name without the prefix of a stage. */
  readonly name: string;
  /** The partition key and, if there is one, the sort key, with their types. */
  readonly key: Key;
  readonly indexes?: Readonly<Record<string, Key>>;
  readonly expires?: boolean;
}

/** The tables that the toolkit itself uses. */
export const toolkitTables: readonly TableDefinition[] = [
  { name: 'inbox', key: { pk: 'S' }, expires: true },
  { name: 'audit', key: { id: 'S' }, expires: true },
  {
    name: 'dead-letters',
    key: { id: 'S', part: 'N' },
    indexes: { newest: { kind: 'S', listedAt: 'S' }, 'by-message': { messageId: 'S', listedAt: 'S' } },
    expires: true,
  },
];

export const localTablesOf = (definitions: readonly TableDefinition[], prefix: string): Table[] =>
  definitions.map(({ name, key, indexes = {}, expires = false }) => ({
    definition: {
      TableName: prefix + name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Object.entries(Object.assign({}, key, ...Object.values(indexes)) as Key).map(
        ([AttributeName, AttributeType]) => ({ AttributeName, AttributeType }),
      ),
      KeySchema: keySchemaOf(key),
      GlobalSecondaryIndexes:
        Object.keys(indexes).length === 0
          ? undefined
          : Object.entries(indexes).map(([IndexName, index]) => ({
              IndexName,
              KeySchema: keySchemaOf(index),
              Projection: { ProjectionType: 'ALL' },
            })),
    },
    timeToLive: expires ? { AttributeName: 'expiresAt', Enabled: true } : undefined,
  }));

const keySchemaOf = (key: Key) =>
  Object.keys(key).map((AttributeName, index) => ({
    AttributeName,
    KeyType: index === 0 ? ('HASH' as const) : ('RANGE' as const),
  }));
