import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { requestLimits } from '../runtime/timeout.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { dynamoDbClient, observedClient } from './client.ts';
import type { RetryPolicy } from './retry-policy.ts';
import { storeSettings } from './settings.ts';
import { accessCheck } from './table-access.ts';
import type { AnyTable } from './tables.ts';

export interface Store {
  readonly client: DynamoDBClient;
  readonly clock: Clock;
  readonly retryPolicy: RetryPolicy;
}

/** How long one request to DynamoDB may take, in ms. */
const REQUEST_MS = 3_000;

/**
 * The DynamoDB client of this process, which keeps connections alive. Unless the service brings its own client, the
 * client sends each request at most three times.
 */
export const store = (surehop: Surehop): DynamoDBClient => surehop.shared(createClient);

function createClient({ clients, settings, tracing }: Surehop): DynamoDBClient {
  const checkAccess = accessCheck(settings(storeSettings));
  if (clients.dynamodb) return observedClient(clients.dynamodb, tracing, checkAccess);
  const endpoint = settings(storeSettings).DYNAMODB_ENDPOINT;
  return dynamoDbClient({ endpoint, maxAttempts: 3, requestHandler: requestLimits(REQUEST_MS) }, tracing, checkAccess);
}

/** Returns the full name of a table, including the deployment's prefix. */
export const tableName = ({ settings }: Surehop, { name }: Pick<AnyTable, 'name'>): string =>
  settings(storeSettings).TABLE_PREFIX + name;
