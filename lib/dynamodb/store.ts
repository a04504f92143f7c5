import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { requestLimits } from '../runtime/aws-timeouts.ts';
import type { Clock } from '../runtime/clock.ts';
import { config } from '../runtime/config.ts';
import { dynamoDbClient } from './client.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** A client whose requests are retried by this policy. */
export interface Store {
  readonly client: DynamoDBClient;
  readonly clock: Clock;
  readonly retryPolicy: RetryPolicy;
}

/** How long one request to DynamoDB may take, in ms. */
const REQUEST_MS = 3_000;

let client: DynamoDBClient | undefined;

/** The DynamoDB client of this process. It keeps connections alive and sends each request at most three times. */
export function store(): DynamoDBClient {
  return (client ??= dynamoDbClient({
    endpoint: config().DYNAMODB_ENDPOINT,
    maxAttempts: 3,
    requestHandler: requestLimits(REQUEST_MS),
  }));
}
