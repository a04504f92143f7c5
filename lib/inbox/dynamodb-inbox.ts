import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../clock.ts';
import { commitEntries } from './commit.ts';
import { findMarkers } from './find.ts';
import { readHolds, writeHold } from './holds.ts';
import { noteInFlight, readInFlight } from './in-flight.ts';
import type { Inbox } from './inbox.ts';
import { beginIsolated, endIsolated, isolatedRuns } from './isolation.ts';
import { completeLease, releaseLease, takeLease } from './lease.ts';
import { INBOX_TABLE } from './tables.ts';
import { defaultPatience } from './patience.ts';
import type { Patience } from './patience.ts';
import { recordPlacements } from './place.ts';
import { noteProgress, readProgress } from './progress.ts';
import { createScarce } from './scarce.ts';
import type { Scope } from './transaction.ts';

export interface InboxOptions {
  /** Made by `inboxClient`. */
  readonly client: DynamoDBClient;
  readonly tablePrefix: string;
  readonly clock: Clock;
  /** Days for which a marker is kept. */
  readonly retentionDays: number;
  readonly patience?: Patience;
}

/** The inbox on DynamoDB: markers and effects of many messages commit in one transaction. */
export function createInbox({
  client,
  tablePrefix,
  clock,
  retentionDays,
  patience = defaultPatience,
}: InboxOptions): Inbox {
  const scopeOf = (queue: string): Scope => ({ queue, tablePrefix, retentionDays });
  const store = { client, clock, patience };
  const scarce = createScarce();
  const find: Inbox['find'] = (queue, ids) => findMarkers(client, tablePrefix + INBOX_TABLE, queue, ids, patience);
  return {
    find,
    commit: (queue, entries, signal) =>
      commitEntries({ ...store, scope: scopeOf(queue), scarce, signal, find: (ids) => find(queue, ids) }, entries),
    recordPlacements: (queue, placements) => recordPlacements(store, scopeOf(queue), placements),
    lease: (queue, id, payloadHash, owner, durationMs) =>
      takeLease(store, scopeOf(queue), { id, payloadHash, owner, durationMs }),
    completeLease: (queue, id, owner) => completeLease(store, scopeOf(queue), id, owner),
    releaseLease: (queue, id, owner) => releaseLease(store, scopeOf(queue), id, owner),
    isolatedRuns: (queue, ids) => isolatedRuns(store, scopeOf(queue), ids),
    beginIsolated: (queue, id) => beginIsolated(store, scopeOf(queue), id),
    endIsolated: (queue, id) => endIsolated(store, scopeOf(queue), id),
    readHolds: (queue, keys) => readHolds(store, scopeOf(queue), keys),
    writeHold: (queue, key, ids, before) => writeHold(store, scopeOf(queue), key, ids, before),
    readInFlight: (queue) => readInFlight(store, scopeOf(queue)),
    noteInFlight: (queue, lines) => noteInFlight(store, scopeOf(queue), lines),
    noteProgress: (queue, progress) => noteProgress(store, scopeOf(queue), progress),
    readProgress: (queue) => readProgress(store, scopeOf(queue)),
  };
}
