import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { expiryAfter } from '../dynamodb/item.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../dynamodb/retry-policy.ts';
import type { Store } from '../dynamodb/store.ts';
import { inboxTable } from '../dynamodb/toolkit-tables.ts';
import type { Clock } from '../runtime/clock.ts';

export interface InboxTableOptions {
  /** A DynamoDB client that sends each request only once, such as the one that `clientWithoutRetries` returns. */
  readonly client: DynamoDBClient;
  readonly tablePrefix: string;
  readonly clock: Clock;
  /** The number of days after which DynamoDB may delete an item of the inbox table. */
  readonly retentionDays: number;
  readonly retryPolicy?: RetryPolicy;
}

/**
 * The DynamoDB table with the inbox markers (markers) of all messages, and with all other items that consumers store.
 */
export interface InboxTable extends Store {
  readonly tablePrefix: string;
  readonly retentionDays: number;
  readonly name: string;
  /**
   * Returns the time after which DynamoDB may delete an item that is written to the inbox table now, in seconds since
   * the epoch.
   */
  expiresAt(): string;
}

export const openInboxTable = ({ retryPolicy = defaultRetryPolicy, ...options }: InboxTableOptions): InboxTable => ({
  ...options,
  retryPolicy,
  name: options.tablePrefix + inboxTable.name,
  expiresAt: () => expiryAfter(options.retentionDays, options.clock.now()),
});
