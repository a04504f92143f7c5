import pMap from 'p-map';

import { decode, type Delivery, type RabbitMqEvent } from '../consumer/delivery.ts';
import { runInMessageSpan, startBatchTrace } from '../consumer/trace.ts';
import { traceIdOf } from '../events/trace.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Clock } from '../runtime/clock.ts';
import { log } from '../runtime/log.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { DeadLetter } from '../archive/dead-letter.ts';
import type { KnownValues } from './known-values.ts';
import { deadLetterFrom } from './origin.ts';
import type { ArchiveTable } from '../archive/record.ts';
import { storeDeadLetter } from '../archive/store-dead-letter.ts';

export interface Archiving {
  readonly table: ArchiveTable;
  readonly queues: readonly WorkQueue[];
  readonly knownValues: KnownValues;
  readonly clock: Clock;
  readonly tracing?: Tracing;
}

/** How many dead letters of a batch were stored, and how many the archive already had. */
export interface ArchiveReport {
  readonly archived: number;
  readonly duplicates: number;
}

/** The archive stores at most this many dead letters concurrently. */
const CONCURRENCY = 16;

/**
 * Stores every message of a batch from the dead-letter queue in the archive. Throws an error if a message cannot be
 * stored, and the whole batch is then redelivered.
 */
export async function archiveBatch(
  { table, queues, knownValues, clock, tracing }: Archiving,
  event: RabbitMqEvent,
): Promise<ArchiveReport> {
  const nowMs = clock.now();
  const deliveries = decode(event);
  const items = deliveries.map((delivery) => ({ deadLetter: deadLetterFrom(delivery, queues, nowMs), delivery }));
  const trace = startBatchTrace(tracing, deliveries[0]?.queue ?? '', deliveries);
  try {
    const stored = await pMap(
      groupById(items),
      async (group) => {
        let stored = 0;
        for (const { deadLetter, delivery } of group)
          if (await runInMessageSpan(trace, delivery, () => archiveOne(deadLetter, delivery))) stored += 1;
        return stored;
      },
      { concurrency: CONCURRENCY },
    );
    const archived = stored.reduce((sum, count) => sum + count, 0);
    return { archived, duplicates: items.length - archived };
  } finally {
    trace?.end();
    await tracing?.flush();
  }

  async function archiveOne(deadLetter: DeadLetter, delivery: Delivery): Promise<boolean> {
    await knownValues.add(deadLetter);
    const isStored = await storeDeadLetter(deadLetter, delivery, table);
    if (isStored) report(deadLetter);
    return isStored;
  }
}

interface Item {
  readonly deadLetter: DeadLetter;
  readonly delivery: Delivery;
}

/**
 * Groups dead letters by id. Dead letters with the same id are stored one after another, because concurrent writes
 * would overwrite each other's DynamoDB items.
 */
function groupById(items: readonly Item[]): Iterable<readonly Item[]> {
  const byId = new Map<string, Item[]>();
  for (const item of items) byId.set(item.deadLetter.id, [...(byId.get(item.deadLetter.id) ?? []), item]);
  return byId.values();
}

function report({ id, messageId, correlationId, queue, code, reason, attempt, redrives, traceparent }: DeadLetter) {
  const traceId = traceIdOf(traceparent);
  const about = { deadLetterId: id, messageId, correlationId, traceId, queue, code, reason, attempt, redrives };
  log().warn('dead letter archived', about);
}
