import * as z from 'zod';

import type { tables } from '../../tables.ts';
import { pascalCase, type Resource, type Resources } from '../template.ts';

/** The attributes of a key with their DynamoDB types: the partition key and, if there is one, the sort key. */
const keySchema = z
  .record(z.string(), z.enum(['S', 'N', 'B']))
  .refine((key) => [1, 2].includes(Object.keys(key).length), 'must have a partition key and at most one sort key');

const definitionSchema = z.strictObject({
  key: keySchema,
  /** The global secondary indexes by name. Each index contains all attributes of the table's items. */
  indexes: z.record(z.string(), keySchema).optional(),
  /** Whether DynamoDB deletes an item after the time in the item's attribute `expiresAt`. */
  expires: z.boolean().optional(),
});

type Definition = z.infer<typeof definitionSchema>;
type Key = Definition['key'];

/**
 * Every table of the service by its name without the stage's prefix. Local tables, which `npm start` creates, have the same keys.
 */
const definitions = {
  inbox: { key: { pk: 'S' }, expires: true },
  orders: { key: { orderId: 'S' }, expires: true },
  stock: { key: { sku: 'S' } },
  points: { key: { customerId: 'S' } },
  awards: { key: { orderId: 'S' }, expires: true },
  // Each item records one change that an operator made: who made it, what changed, when and why.
  audit: { key: { id: 'S' }, expires: true },
  // The item with part 0 describes the dead letter, and the items with parts 1 to n contain its body. Only part 0 has the
  // attributes of the indexes.
  'dead-letters': {
    key: { id: 'S', part: 'N' },
    indexes: { newest: { kind: 'S', listedAt: 'S' }, 'by-message': { messageId: 'S', listedAt: 'S' } },
    expires: true,
  },
} as const satisfies Record<keyof typeof tables, Definition>;

/** The names of all tables of the service, without the stage's prefix. */
export const tableNames: readonly string[] = Object.keys(definitions);

/**
 * Returns the tables of a stage as CloudFormation resources. Throws one error that names every invalid property of a table
 * definition.
 */
export function tableResources(tablePrefix: string): Resources {
  const parsed = z.record(z.string(), definitionSchema).safeParse(definitions);
  if (parsed.success)
    return Object.fromEntries(
      Object.entries(parsed.data).map(([name, definition]) => [
        `${pascalCase(name)}Table`,
        tableResource(tablePrefix + name, definition),
      ]),
    );
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`infra/aws/foundation/tables.ts: ${faults.join('; ')}`);
}

function tableResource(TableName: string, { key, indexes = {}, expires = false }: Definition): Resource {
  const attributes: Key = Object.assign({}, key, ...Object.values(indexes));
  return {
    Type: 'AWS::DynamoDB::Table',
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    // Without an SSESpecification, DynamoDB encrypts the table with a key that AWS owns, which is free.
    Properties: {
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      ...(expires && { TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true } }),
      AttributeDefinitions: Object.entries(attributes).map(([AttributeName, AttributeType]) => ({
        AttributeName,
        AttributeType,
      })),
      KeySchema: keySchemaOf(key),
      ...(Object.keys(indexes).length > 0 && {
        GlobalSecondaryIndexes: Object.entries(indexes).map(([IndexName, indexKey]) => ({
          IndexName,
          KeySchema: keySchemaOf(indexKey),
          Projection: { ProjectionType: 'ALL' },
        })),
      }),
    },
  };
}

const keySchemaOf = (key: Key) =>
  Object.keys(key).map((AttributeName, index) => ({ AttributeName, KeyType: index === 0 ? 'HASH' : 'RANGE' }));
