import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { requestLimits } from '../runtime/aws-timeouts.ts';
import { systemClock } from '../runtime/clock.ts';
import { config } from '../runtime/config.ts';
import { dynamoDbClient, inboxClient } from './client.ts';
import { createInbox } from '../inbox/dynamodb-inbox.ts';
import type { Inbox } from '../inbox/inbox.ts';

/** How long one request to DynamoDB may take, in ms. */
const REQUEST_MS = 3_000;

let client: DynamoDBClient | undefined;
let instance: Inbox | undefined;

/** The DynamoDB client of this process: connections kept alive, each request bounded in time and sent three times at most. */
export function store(): DynamoDBClient {
  return (client ??= dynamoDbClient({
    endpoint: config().DYNAMODB_ENDPOINT,
    maxAttempts: 3,
    requestHandler: requestLimits(REQUEST_MS),
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
