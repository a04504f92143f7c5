import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { reserveStock } from '../../../functions/orders/rules/reserve-stock.ts';
import { orderCreated } from '../../../functions/orders/events.ts';
import { queues } from '../../../infra/topology.ts';
import type { Publisher } from '../../../lib/events/publish.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import type { Tracing } from '../../../lib/runtime/tracing.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { dynamoDbPorts } from '../../../lib/consumer/dependencies.ts';
import type { RabbitMqEvent } from '../../../lib/message/delivery.ts';
import type { BatchReport } from '../../../lib/consumer/report.ts';
import { openInboxTable } from '../../../lib/inbox/table.ts';
import { readItemFrom } from '../../../lib/dynamodb/read-item.ts';
import { anInvocation } from '../../support/delivery.ts';
import { TABLE_PREFIX } from '../protocol.ts';

/** A publisher whose methods always fail, for measurements in which the consumer must not publish any message. */
const nothingToPublish: Publisher = {
  publish: () =>
    Promise.reject(new Error('Surehop published a message, but this section of the benchmark expects no message')),
  publishAll: () =>
    Promise.reject(new Error('Surehop published a message, but this section of the benchmark expects no message')),
  close: () => Promise.resolve(),
};

/**
 * Creates the service's consumer of the queue `stock` with the given DynamoDB client. The consumer returns a report of
 * each batch.
 */
export function surehopConsumer(
  client: DynamoDBClient,
  publisher: Publisher = nothingToPublish,
  tracing?: Tracing,
): (event: RabbitMqEvent) => Promise<BatchReport> {
  const table = openInboxTable({ client, tablePrefix: TABLE_PREFIX, clock: systemClock, retentionDays: 14 });
  const handler = createConsumer(
    { queue: queues.stock, event: orderCreated, decide: reserveStock },
    {
      ...dynamoDbPorts(table),
      publisher,
      archiveDeadLetter: ({ code, reason }) =>
        Promise.reject(new Error(`the benchmark expects no dead letters, but got one with ${code}: ${reason}`)),
      clock: systemClock,
      tracing,
      settings: readAllSettings({}),
      read: (table, key) => readItemFrom(client, TABLE_PREFIX, table, key),
    },
  );
  return (event) => handler(event, anInvocation());
}
