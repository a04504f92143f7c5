import * as z from 'zod';

import { pascalCase, type Resource, type Resources } from '../template.ts';

export type { Resources };

/**
 * The attributes of the primary key of a table or index, with the DynamoDB type of each attribute: the partition key
 * and, if there is one, the sort key.
 */
const keySchema = z
  .record(z.string(), z.enum(['S', 'N']))
  .refine((key) => [1, 2].includes(Object.keys(key).length), 'must have a partition key and at most one sort key');

/** DynamoDB allows these characters in the name of a table and of an index. */
const nameSchema = z.string().regex(/^[A-Za-z0-9_.-]+$/, 'must consist of letters, digits, "_", "." and "-"');

const definitionSchema = z.strictObject({
  key: keySchema,
  indexes: z.record(nameSchema, keySchema),
  expires: z.boolean(),
});

type Definition = z.infer<typeof definitionSchema>;
type Key = Definition['key'];

/** The definition of a DynamoDB table, as `defineTable` of the toolkit returns it. */
export interface TableDefinition extends Definition {
  /** The name of the table without the prefix of the stage. */
  readonly name: string;
}

/**
 * Returns tables as CloudFormation resources. Throws one error that names every invalid property of a table definition.
 */
export function resourcesOf(definitions: readonly TableDefinition[], tablePrefix: string): Resources {
  requireDistinct(definitions);
  const byName = Object.fromEntries(
    definitions.map(({ name, key, indexes, expires }) => [name, { key, indexes, expires }]),
  );
  const parsed = z.record(nameSchema, definitionSchema).safeParse(byName);
  if (parsed.success)
    return Object.fromEntries(
      Object.entries(parsed.data).map(([name, definition]) => [
        resourceName(name),
        tableResource(tablePrefix + name, definition),
      ]),
    );
  const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new Error(`infra/tables.ts contains mistakes: ${mistakes}`);
}

const resourceName = (table: string): string => `${pascalCase(table)}Table`;

/**
 * Throws an error if two tables would get the same CloudFormation logical id, such as `order-items` and `orderItems`.
 */
function requireDistinct(definitions: readonly TableDefinition[]): void {
  const names = new Map<string, string>();
  for (const { name } of new Set(definitions)) {
    const resource = resourceName(name);
    if (/[^A-Za-z0-9]/.test(resource) && nameSchema.safeParse(name).success)
      throw new Error(`infra/tables.ts: the table name "${name}" ends with punctuation: rename the table`);
    const other = names.get(resource);
    if (other === name) throw new Error(`infra/tables.ts: two tables have the name "${name}": rename one of the two`);
    if (other !== undefined)
      throw new Error(
        `infra/tables.ts: the tables "${other}" and "${name}" would get the same CloudFormation logical id ${resource}: rename one of the two`,
      );
    names.set(resource, name);
  }
}

function tableResource(TableName: string, { key, indexes, expires }: Definition): Resource {
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
