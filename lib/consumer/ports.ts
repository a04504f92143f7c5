import { createAttemptLog, type AttemptLog } from '../crash-loop/attempt-log.ts';
import { createInbox } from '../inbox/create-inbox.ts';
import type { Inbox } from '../inbox/inbox.ts';
import type { InboxTable } from '../inbox/table.ts';
import { createLeases, type Leases } from '../inbox/leases.ts';
import { createBlockedKeys, type BlockedKeys } from '../ordering/blocked-keys.ts';
import { createOpenBatches, type OpenBatches } from '../ordering/open-batches.ts';
import { createQueueProgress, type QueueProgress } from './progress.ts';

/** What a consumer reads and writes in the store besides the effects of its rules. */
export interface ConsumerPorts {
  readonly inbox: Inbox;
  readonly leases: Leases;
  readonly attemptLog: AttemptLog;
  readonly blockedKeys: BlockedKeys;
  readonly openBatches: OpenBatches;
  readonly progress: QueueProgress;
}

export const dynamoDbPorts = (table: InboxTable): ConsumerPorts => ({
  inbox: createInbox(table),
  leases: createLeases(table),
  attemptLog: createAttemptLog(table),
  blockedKeys: createBlockedKeys(table),
  openBatches: createOpenBatches(table),
  progress: createQueueProgress(table),
});
