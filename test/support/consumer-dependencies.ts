import type { Publisher } from '../../lib/events/publish.ts';
import { systemClock, type Clock } from '../../lib/runtime/clock.ts';
import { readAllSettings } from '../../lib/settings.ts';
import { dynamoDbPorts, type ConsumerDependencies } from '../../lib/consumer/dependencies.ts';
import { storeDeadLetter } from '../../lib/archive/store-dead-letter.ts';
import { dynamoDbClient } from '../../lib/dynamodb/client.ts';
import { openInboxTable } from '../../lib/inbox/table.ts';
import { readItemFrom } from '../../lib/dynamodb/read-item.ts';

export function dependenciesAt(
  endpoint: string,
  tablePrefix: string,
  publisher: Publisher,
  settings: Record<string, string> = {},
  clock: Clock = systemClock,
): ConsumerDependencies {
  const client = dynamoDbClient({ endpoint, maxAttempts: 1 });
  return {
    ...dynamoDbPorts(openInboxTable({ client, tablePrefix, clock, retentionDays: 14 })),
    publisher,
    archiveDeadLetter: (deadLetter, message) =>
      storeDeadLetter(deadLetter, message, { client, tablePrefix, retentionDays: 14 }),
    clock,
    settings: readAllSettings({ MESSAGE_TIME_LIMIT_MS: '500', BATCH_CONCURRENCY: '100', ...settings }),
    read: (table, key) => readItemFrom(client, tablePrefix, table, key),
  };
}
