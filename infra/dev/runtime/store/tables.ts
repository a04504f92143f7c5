import { fileURLToPath } from 'node:url';
import {
  CreateTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { CreateTableCommandInput, TimeToLiveSpecification } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { requestLimits } from '../../../../lib/runtime/aws-timeouts.ts';
import { readYaml } from '../read-yaml.ts';
import { LOCAL_AWS } from './probe.ts';

const TEMPLATE = new URL('../../../aws/foundation/tables.yml', import.meta.url);
const NAME = 'infra/aws/foundation/tables.yml';

/** Seconds until a table must be usable. */
const READY_WITHIN_SECONDS = 30;

export interface Table {
  readonly definition: CreateTableCommandInput & { readonly TableName: string };
  readonly timeToLive?: TimeToLiveSpecification;
}

const tableSchema = z.object({
  Type: z.string(),
  Properties: z.looseObject({
    TableName: z.string(),
    AttributeDefinitions: z.array(z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) })),
    KeySchema: z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) })),
  }),
});

/** The tables of infra/aws/foundation/tables.yml, named with `prefix`; without what only AWS itself has (backups, encryption). */
export function readTables(prefix: string): Table[] {
  const { Resources } = readYaml(fileURLToPath(TEMPLATE), NAME) as { Resources?: Record<string, { Type?: string }> };
  return Object.entries(Resources ?? {})
    .filter(([, { Type }]) => Type === 'AWS::DynamoDB::Table')
    .map(([id, resource]) => {
      const parsed = tableSchema.safeParse(resource);
      if (!parsed.success) {
        const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
        throw new Error(`${NAME}: ${[id, ...path].join('.')}: ${message}`);
      }
      const { Properties } = parsed.data;
      const { TableName, BillingMode, AttributeDefinitions, KeySchema, GlobalSecondaryIndexes } = Properties;
      const name = TableName.replace('${self:custom.tablePrefix}', prefix);
      const definition = { TableName: name, BillingMode, AttributeDefinitions, KeySchema, GlobalSecondaryIndexes };
      return {
        definition: definition as Table['definition'],
        timeToLive: Properties['TimeToLiveSpecification'] as TimeToLiveSpecification | undefined,
      };
    });
}

/** How long one request may take, in ms; creating a table is among them. */
const REQUEST_MS = 20_000;

/** A client for a DynamoDB on this machine, which takes any credentials. */
export const localClient = (endpoint: string): DynamoDBClient =>
  new DynamoDBClient({
    endpoint,
    region: LOCAL_AWS.AWS_REGION,
    credentials: { accessKeyId: LOCAL_AWS.AWS_ACCESS_KEY_ID, secretAccessKey: LOCAL_AWS.AWS_SECRET_ACCESS_KEY },
    maxAttempts: 1,
    requestHandler: requestLimits(REQUEST_MS),
  });

async function createTable(client: DynamoDBClient, { definition, timeToLive }: Table): Promise<void> {
  const { TableName } = definition;
  const isNew = await client.send(new CreateTableCommand(definition)).then(
    () => true,
    (error: Error) => {
      if (error instanceof ResourceInUseException) return false;
      throw new Error(`the table ${TableName} cannot be created: ${error.message}`, { cause: error });
    },
  );
  await waitUntilTableExists({ client, maxWaitTime: READY_WITHIN_SECONDS, minDelay: 1, maxDelay: 2 }, { TableName });
  if (!isNew || timeToLive === undefined) return;
  await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: timeToLive }));
}

/** Creates those of the tables that are missing at a local DynamoDB, and returns the names of all when they can be used. */
export async function createTables({
  endpoint,
  prefix,
  tables = readTables(prefix),
}: {
  endpoint: string;
  prefix: string;
  tables?: readonly Table[];
}): Promise<string[]> {
  const client = localClient(endpoint);
  try {
    await Promise.all(tables.map((table) => createTable(client, table)));
    return tables.map(({ definition }) => definition.TableName);
  } finally {
    client.destroy();
  }
}
