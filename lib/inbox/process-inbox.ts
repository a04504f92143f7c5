import { systemClock } from '../runtime/clock.ts';
import { config } from '../runtime/config.ts';
import { inboxClient } from '../dynamodb/client.ts';
import { store } from '../dynamodb/store.ts';
import { createInbox } from './dynamodb-inbox.ts';
import type { Inbox } from './inbox.ts';

let instance: Inbox | undefined;

/** The inbox of this process, over the connections of `store()`. */
export function inbox(): Inbox {
  if (instance !== undefined) return instance;
  const { DYNAMODB_ENDPOINT: endpoint, TABLE_PREFIX: tablePrefix, INBOX_RETENTION_DAYS: retentionDays } = config();
  const { requestHandler, credentials, region } = store().config;
  const client = inboxClient({ endpoint, region, credentials, requestHandler });
  return (instance = createInbox({ client, tablePrefix, clock: systemClock, retentionDays }));
}
