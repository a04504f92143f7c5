import { commitEntries } from './commit.ts';
import { findMarkers } from './find.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Inbox, Marker } from './inbox.ts';
import type { InboxTable, Scope } from './table.ts';
import { claimDeadLetters, recordHandoffs } from './handoffs.ts';
import { createScarce } from './scarce.ts';

/** The inbox on DynamoDB: markers and effects of many messages commit in one transaction. */
export function createInbox(table: InboxTable): Inbox {
  const { client, tablePrefix, retentionDays, retryPolicy } = table;
  const scopeOf = (queue: string): Scope => ({ queue, tablePrefix, retentionDays });
  const scarce = createScarce();
  const find: Inbox['find'] = (queue, ids) => findMarkers(client, table.name, queue, ids, retryPolicy);
  return {
    find,
    commit: (queue, entries, signal) =>
      commitEntries({ ...table, scope: scopeOf(queue), scarce, signal, find: (ids) => find(queue, ids) }, entries),
    async claimDeadLetters(queue, placements) {
      const isClaimed = await claimDeadLetters(table, scopeOf(queue), placements);
      const refused = placements.filter((_, index) => !isClaimed[index]).map(({ id }) => id);
      const markers = refused.length > 0 ? await find(queue, refused) : new Map<MessageId, Marker>();
      return placements.map(({ id }, index) => (isClaimed[index] ? undefined : markers.get(id)));
    },
    recordHandoffs: (queue, placements) => recordHandoffs(table, scopeOf(queue), placements),
  };
}
