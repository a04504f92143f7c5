import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { requestLimits } from 'surehop/dynamodb';

import { LOCAL_AWS } from './local-aws.ts';
import type { Table } from './local-tables.ts';

const READY_WITHIN_SECONDS = 30;

/** The timeout of one request to DynamoDB, for example a request that creates a table, in ms. */
const REQUEST_MS = 20_000;

/** Creates a client for a local DynamoDB. A local DynamoDB accepts any credentials. */
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
      throw new Error(`cannot create the DynamoDB table ${TableName}: ${error.message}`, { cause: error });
    },
  );
  await waitUntilTableExists({ client, maxWaitTime: READY_WITHIN_SECONDS, minDelay: 1, maxDelay: 2 }, { TableName });
  if (!isNew || timeToLive === undefined) return;
  await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: timeToLive }));
}

/** Creates the missing tables in a local DynamoDB. Returns the names of all tables as soon as they are active. */
export async function createTables({
  endpoint,
  tables,
}: {
  endpoint: string;
  tables: readonly Table[];
}): Promise<string[]> {
  const client = localClient(endpoint);
  try {
    await Promise.all(tables.map((table) => createTable(client, table)));
    return tables.map(({ definition }) => definition.TableName);
  } finally {
    client.destroy();
  }
}

export async function deleteTables(endpoint: string, names: readonly string[]): Promise<void> {
  const client = localClient(endpoint);
  try {
    await Promise.all(names.map((TableName) => client.send(new DeleteTableCommand({ TableName }))));
  } finally {
    client.destroy();
  }
}
