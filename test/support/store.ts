import { randomBytes } from 'node:crypto';
import { DeleteTableCommand, GetItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../lib/runtime/clock.ts';
import { dynamoDbClient } from '../../lib/dynamodb/client.ts';
import { dynamoDbPorts, type ConsumerPorts } from '../../lib/consumer/dependencies.ts';
import type { Inbox } from '../../lib/inbox/inbox.ts';
import { openInboxTable } from '../../lib/inbox/table.ts';
import type { RetryPolicy } from '../../lib/dynamodb/retry-policy.ts';
import { createTestTables } from './example/create-tables.ts';

export interface TestStore {
  readonly client: DynamoDBClient;
  readonly prefix: string;
  readonly clock: Clock & { advance(ms: number): void };
  inbox(options?: { retryPolicy?: RetryPolicy }): Inbox;
  ports(options?: { retryPolicy?: RetryPolicy; client?: DynamoDBClient }): ConsumerPorts;
  put(table: string, item: Record<string, AttributeValue>): Promise<void>;
  get(table: string, key: Record<string, AttributeValue>): Promise<Record<string, AttributeValue> | undefined>;
  all(table: string): Promise<Record<string, AttributeValue>[]>;
  close(): Promise<void>;
}

/** A retry policy with pauses of a few milliseconds, so that tests of retries are fast. */
export const fastRetries: RetryPolicy = { attempts: 3, conflicts: 4, firstDelayMs: 1, maxDelayMs: 4 };

export async function openStore(): Promise<TestStore> {
  const endpoint = process.env['DYNAMODB_ENDPOINT'];
  if (endpoint === undefined)
    throw new Error('DYNAMODB_ENDPOINT is not set; run the tests with npm test, which starts DynamoDB');
  const prefix = `test-${randomBytes(4).toString('hex')}-`;
  const tables = await createTestTables(endpoint, prefix);
  const client = dynamoDbClient({ endpoint, maxAttempts: 1 });
  let nowMs = Date.parse('2026-03-01T12:00:00.250Z');
  const clock = { now: () => nowMs, advance: (ms: number) => void (nowMs += ms) };
  const ports: TestStore['ports'] = (options) =>
    dynamoDbPorts(
      openInboxTable({ client, tablePrefix: prefix, clock, retentionDays: 14, retryPolicy: fastRetries, ...options }),
    );
  return {
    client,
    prefix,
    clock,
    ports,
    inbox: (options) => ports(options).inbox,
    put: async (table, Item) => void (await client.send(new PutItemCommand({ TableName: prefix + table, Item }))),
    get: async (table, Key) =>
      (await client.send(new GetItemCommand({ TableName: prefix + table, Key, ConsistentRead: true }))).Item,
    async all(table) {
      const items: Record<string, AttributeValue>[] = [];
      let from: Record<string, AttributeValue> | undefined;
      do {
        const page = await client.send(
          new ScanCommand({ TableName: prefix + table, ConsistentRead: true, ExclusiveStartKey: from }),
        );
        items.push(...(page.Items ?? []));
        from = page.LastEvaluatedKey;
      } while (from !== undefined);
      return items;
    },
    async close() {
      await Promise.all(tables.map((TableName) => client.send(new DeleteTableCommand({ TableName }))));
      client.destroy();
    },
  };
}
