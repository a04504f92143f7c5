import { join } from 'node:path';

import { CreateTableCommand } from '@aws-sdk/client-dynamodb';

import { startStore, type Store } from '../../infra/dev/runtime/store/store.ts';
import { createTables, localClient } from '../../infra/dev/runtime/store/tables.ts';
import { keepToAnother } from './processors.ts';
import { TABLE_PREFIX } from './protocol.ts';

/**
 * Manages the DynamoDB emulators of the benchmark. Each measurement gets a new emulator, because an emulator becomes
 * slower when its tables grow.
 */
export function createStores(scratch: string) {
  const running: Store[] = [];
  let number = 0;
  return {
    async start(): Promise<string> {
      const options = { dataDirectory: join(scratch, `store-${++number}`), keepData: false, say: () => {} };
      const store = await startStore(options, { dynamodbEndpoint: undefined });
      running.push(store);
      keepToAnother(store.pid);
      const { endpoint } = store;
      await createTables({ endpoint, prefix: TABLE_PREFIX });
      await createPowertoolsTable(endpoint);
      return endpoint;
    },
    async stopAll(): Promise<void> {
      await Promise.all(running.splice(0).map((store) => store.stop()));
    },
  };
}

/**
 * Creates the DynamoDB table in which Powertools records processed messages
 * (https://docs.aws.amazon.com/powertools/typescript/latest/features/idempotency/).
 */
async function createPowertoolsTable(endpoint: string): Promise<void> {
  const client = localClient(endpoint);
  await client.send(
    new CreateTableCommand({
      TableName: `${TABLE_PREFIX}idempotency`,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  );
  client.destroy();
}
