import { clientWithoutRetries } from '../dynamodb/client.ts';
import { storeSettings } from '../dynamodb/settings.ts';
import { store } from '../dynamodb/store.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { createInbox, readMarkers } from './create-inbox.ts';
import type { Inbox } from './inbox.ts';
import { inboxSettings } from './settings.ts';
import { openInboxTable, type InboxTable } from './table.ts';

export const inboxTableOf = (surehop: Surehop): InboxTable => surehop.shared(openTable);

/** The inbox of this process. */
export const inbox = (surehop: Surehop): Inbox => surehop.shared(openInbox);

function openInbox(surehop: Surehop): Inbox {
  const table = inboxTableOf(surehop);
  // A function that only reads outcomes of messages has no permission to write to the inbox table.
  return { ...createInbox(table), find: (queue, ids) => readMarkers(table, queue, ids) };
}

function openTable(surehop: Surehop): InboxTable {
  return openInboxTable({
    client: clientWithoutRetries(store(surehop)),
    tablePrefix: surehop.settings(storeSettings).TABLE_PREFIX,
    clock: surehop.clock,
    retentionDays: surehop.settings(inboxSettings).INBOX_RETENTION_DAYS,
  });
}
