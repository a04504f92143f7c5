import { clientWithoutRetries } from '../dynamodb/client.ts';
import { storeSettings } from '../dynamodb/settings.ts';
import { store } from '../dynamodb/store.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { inboxSettings } from './settings.ts';
import { openInboxTable, type InboxTable } from './table.ts';

export const inboxTableOf = (surehop: Surehop): InboxTable => surehop.shared(openTable);

function openTable(surehop: Surehop): InboxTable {
  return openInboxTable({
    client: clientWithoutRetries(store(surehop)),
    tablePrefix: surehop.settings(storeSettings).TABLE_PREFIX,
    clock: surehop.clock,
    retentionDays: surehop.settings(inboxSettings).INBOX_RETENTION_DAYS,
  });
}
