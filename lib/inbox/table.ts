import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { expiryAfter } from '../dynamodb/item.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../dynamodb/retry-policy.ts';
import type { Store } from '../dynamodb/store.ts';
import { defineTables } from '../dynamodb/tables.ts';
import type { Clock } from '../runtime/clock.ts';

/** The name of the inbox table, which every consumer needs, without its prefix. */
export const { inbox: INBOX_TABLE } = defineTables('inbox');

export interface InboxTableOptions {
  /** The DynamoDB client that `inboxClient` creates. */
  readonly client: DynamoDBClient;
  readonly tablePrefix: string;
  readonly clock: Clock;
  /** The number of days after which DynamoDB may delete a record. */
  readonly retentionDays: number;
  readonly retryPolicy?: RetryPolicy;
}

/** The DynamoDB table with the inbox records (markers) of all messages and all other records of the consumers. */
export interface InboxTable extends Store {
  readonly tablePrefix: string;
  readonly retentionDays: number;
  /** The table's name with its prefix. */
  readonly name: string;
  /** The time after which DynamoDB may delete a record that is written now, in seconds since the epoch. */
  expiresAt(): string;
}

export const openInboxTable = ({ retryPolicy = defaultRetryPolicy, ...options }: InboxTableOptions): InboxTable => ({
  ...options,
  retryPolicy,
  name: options.tablePrefix + INBOX_TABLE,
  expiresAt: () => expiryAfter(options.retentionDays, options.clock.now()),
});
