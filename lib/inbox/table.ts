import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { clientWithoutRetries } from '../dynamodb/client.ts';
import { expiryAfter } from '../dynamodb/item.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../dynamodb/retry-policy.ts';
import { storeSettings } from '../dynamodb/settings.ts';
import { store, type Store } from '../dynamodb/store.ts';
import { inboxTable } from '../dynamodb/toolkit-tables.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { inboxSettings } from './settings.ts';

export interface InboxTableOptions {
  /** A DynamoDB client that sends each request only once, such as the one that `clientWithoutRetries` returns. */
  readonly client: DynamoDBClient;
  readonly tablePrefix: string;
  readonly clock: Clock;
  /** The number of days after which DynamoDB may delete an item of the inbox table. */
  readonly retentionDays: number;
  readonly retryPolicy?: RetryPolicy;
}

/** The DynamoDB table in which consumers store the inbox marker of each message and their other data. */
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

export const inboxTableOf = (surehop: Surehop): InboxTable => surehop.shared(openTable);

function openTable(surehop: Surehop): InboxTable {
  return openInboxTable({
    client: clientWithoutRetries(store(surehop)),
    tablePrefix: surehop.settings(storeSettings).TABLE_PREFIX,
    clock: surehop.clock,
    retentionDays: surehop.settings(inboxSettings).INBOX_RETENTION_DAYS,
  });
}
