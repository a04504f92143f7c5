import { systemClock } from '../runtime/clock.ts';
import { config } from '../runtime/config.ts';
import { inboxClient } from '../dynamodb/client.ts';
import { store } from '../dynamodb/store.ts';
import { createInbox } from './create-inbox.ts';
import type { Inbox } from './inbox.ts';
import { openInboxTable, type InboxTable } from './table.ts';

let table: InboxTable | undefined;
let instance: Inbox | undefined;

/** The inbox table of this process, over the connections of `store()`. */
export function processInboxTable(): InboxTable {
  if (table !== undefined) return table;
  const { DYNAMODB_ENDPOINT: endpoint, TABLE_PREFIX: tablePrefix, INBOX_RETENTION_DAYS: retentionDays } = config();
  const { requestHandler, credentials, region } = store().config;
  const client = inboxClient({ endpoint, region, credentials, requestHandler });
  return (table = openInboxTable({ client, tablePrefix, clock: systemClock, retentionDays }));
}

/** The inbox of this process. */
export const inbox = (): Inbox => (instance ??= createInbox(processInboxTable()));
