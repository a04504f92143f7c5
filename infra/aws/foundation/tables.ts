import * as z from 'zod';

import type { tables } from '../../tables.ts';
import { pascalCase, type Resource, type Resources } from '../template.ts';

/** One or two attributes with their DynamoDB types: the partition key, then the sort key. */
const keySchema = z
  .record(z.string(), z.enum(['S', 'N', 'B']))
  .refine((key) => [1, 2].includes(Object.keys(key).length), 'must have a partition key and at most one sort key');

const definitionSchema = z.strictObject({
  key: keySchema,
  /** Global secondary indexes by name, each with all attributes. */
  indexes: z.record(z.string(), keySchema).optional(),
  /** Whether DynamoDB deletes an item once the time in its `expiresAt` has passed. */
  expires: z.boolean().optional(),
});

type Definition = z.infer<typeof definitionSchema>;
type Key = Definition['key'];

/** Every table of the service, by its name without the prefix. The tables on a developer's machine have the same keys. */
const definitions = {
  inbox: { key: { pk: 'S' }, expires: true },
  orders: { key: { orderId: 'S' }, expires: true },
  stock: { key: { sku: 'S' } },
  points: { key: { customerId: 'S' } },
  awards: { key: { orderId: 'S' }, expires: true },
  // One item per change that an operator made: who, what, when and why.
  audit: { key: { id: 'S' }, expires: true },
  // Part 0 describes the dead letter, parts 1 to n hold its body. Only part 0 has the attributes of the indexes.
  'dead-letters': {
    key: { id: 'S', part: 'N' },
    indexes: { newest: { kind: 'S', listedAt: 'S' }, 'by-message': { messageId: 'S', listedAt: 'S' } },
    expires: true,
  },
} as const satisfies Record<keyof typeof tables, Definition>;

/** The names of all tables, without the prefix. */
export const tableNames: readonly string[] = Object.keys(definitions);

/** The tables as CloudFormation resources; throws one error that names every wrong property of a definition. */
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
    // Without an SSESpecification DynamoDB encrypts with a key of its own, which costs nothing.
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
