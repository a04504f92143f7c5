import { createAttemptLog, type AttemptLog } from '../crash-loop/attempt-log.ts';
import { createInbox } from '../inbox/create-inbox.ts';
import type { Inbox } from '../inbox/inbox.ts';
import { createLeases, type Leases } from '../inbox/leases.ts';
import { createBlockedKeys, type BlockedKeys } from '../ordering/blocked-keys.ts';
import { createOpenBatches, type OpenBatches } from '../ordering/open-batches.ts';
import { createQueueProgress, type QueueProgress } from './progress.ts';
import type { ArchivedMessage, DeadLetter } from '../archive/dead-letter.ts';
import { archiveTable } from '../archive/record.ts';
import { storeDeadLetter } from '../archive/store-dead-letter.ts';
import { readItem } from '../dynamodb/read-item.ts';
import { reportMisconfigured } from '../dynamodb/report-misconfigured.ts';
import { storeSettings } from '../dynamodb/settings.ts';
import { undeployedTables } from '../dynamodb/tables.ts';
import type { Publisher } from '../events/publish.ts';
import { inboxTableOf, type InboxTable } from '../inbox/table.ts';
import { inboxSettings, type InboxSettings } from '../inbox/settings.ts';
import { lazyPublisher } from '../rabbitmq/lazy-publisher.ts';
import { brokerSettings, type BrokerSettings } from '../rabbitmq/settings.ts';
import type { Clock } from '../runtime/clock.ts';
import { MisconfiguredError } from '../runtime/errors.ts';
import { serviceSettings, type ServiceSettings } from '../runtime/service-settings.ts';
import type { Surehop } from '../runtime/surehop.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { RuleContext } from '../message/rule.ts';
import { consumerSettings, type ConsumerSettings } from './settings.ts';

/** Everything that a consumer stores in the inbox table, by purpose. */
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

export interface ConsumerDependencies extends ConsumerPorts {
  readonly publisher: Publisher;
  /** Stores a dead letter in the archive. Resolves with `false` if the archive already has the dead letter. */
  readonly archiveDeadLetter: (deadLetter: DeadLetter, message: ArchivedMessage) => Promise<boolean>;
  readonly clock: Clock;
  readonly settings: ConsumerSettings &
    Pick<ServiceSettings, 'SERVICE_NAME'> &
    Pick<BrokerSettings, 'PUBLISH_DEADLINE_MS'> &
    Pick<InboxSettings, 'INBOX_RETENTION_DAYS' | 'INBOX_COMPLETE_SINCE'>;
  readonly read: RuleContext['read'];
  readonly tracing?: Tracing;
}

export function dependenciesOf(surehop: Surehop): ConsumerDependencies {
  const { settings, clock, tracing } = surehop;
  const { DEPLOYED_TABLES: deployed } = settings(storeSettings);
  if (deployed) requireTables(deployed);
  const archive = archiveTable(surehop);
  return {
    ...dynamoDbPorts(inboxTableOf(surehop)),
    publisher: lazyPublisher(surehop),
    archiveDeadLetter: (deadLetter, message) => storeDeadLetter(deadLetter, message, archive),
    clock,
    tracing,
    settings: {
      ...settings(serviceSettings),
      ...settings(brokerSettings),
      ...settings(consumerSettings),
      ...settings(inboxSettings),
    },
    read: (table, key) => readItem(surehop, table, key),
  };
}

/** Throws an error when the function starts if a DynamoDB table that the code defines is not deployed. */
function requireTables(deployed: readonly string[]): void {
  const missing = undeployedTables(deployed);
  if (missing.length === 0) return;
  const message = `the code defines tables that this deployment does not have: ${missing.join(', ')}; it has ${deployed.join(', ')}`;
  throw reportMisconfigured(new MisconfiguredError('TABLE_MISSING', message, { tables: missing }));
}
