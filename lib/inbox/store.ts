import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { systemClock } from '../clock.ts';
import { config } from '../config.ts';
import { dynamoDbClient, inboxClient } from './client.ts';
import { createInbox } from './dynamodb-inbox.ts';
import type { Inbox } from './inbox.ts';

const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 3_000;

let client: DynamoDBClient | undefined;
let instance: Inbox | undefined;

/** The DynamoDB client of this process: connections kept alive, each request bounded in time and sent three times at most. */
export function store(): DynamoDBClient {
  return (client ??= dynamoDbClient({
    endpoint: config().DYNAMODB_ENDPOINT,
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  }));
}

/** The inbox of this process, over the connections of `store()`. */
export function inbox(): Inbox {
  if (instance !== undefined) return instance;
  const { DYNAMODB_ENDPOINT: endpoint, TABLE_PREFIX: tablePrefix, INBOX_RETENTION_DAYS: retentionDays } = config();
  const { requestHandler, credentials, region } = store().config;
  const once = inboxClient({ endpoint, region, credentials, requestHandler });
  return (instance = createInbox({ client: once, tablePrefix, clock: systemClock, retentionDays }));
}
