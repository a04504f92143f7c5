import pMap from 'p-map';

import { decode, type Delivery, type RabbitMqEvent } from '../consumer/delivery.ts';
import { runInMessageSpan, withBatchTrace, type BatchTrace } from '../consumer/trace.ts';
import { spanOf } from '../events/trace.ts';
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
  return withBatchTrace(tracing, deliveries[0]?.queue ?? '', deliveries, async (trace) => {
    const stored = await pMap(
      groupById(items),
      async (group) => {
        let stored = 0;
        for (const { deadLetter, delivery } of group)
          if (await runInMessageSpan(trace, delivery, () => archiveOne(deadLetter, delivery, trace))) stored += 1;
        return stored;
      },
      { concurrency: CONCURRENCY },
    );
    const archived = stored.reduce((sum, count) => sum + count, 0);
    return { archived, duplicates: items.length - archived };
  });

  async function archiveOne(
    deadLetter: DeadLetter,
    delivery: Delivery,
    trace: BatchTrace | undefined,
  ): Promise<boolean> {
    await knownValues.add(deadLetter);
    const isStored = await storeDeadLetter(deadLetter, delivery, table);
    if (isStored) report(deadLetter, trace?.of(delivery).trace.traceparent);
    return isStored;
  }
}

interface Item {
  readonly deadLetter: DeadLetter;
  readonly delivery: Delivery;
}

function groupById(items: readonly Item[]): Iterable<readonly Item[]> {
  const byId = new Map<string, Item[]>();
  for (const item of items) byId.set(item.deadLetter.id, [...(byId.get(item.deadLetter.id) ?? []), item]);
  return byId.values();
}

function report(deadLetter: DeadLetter, span: string | undefined): void {
  const { id, messageId, correlationId, queue, code, reason, attempt, redrives, traceparent } = deadLetter;
  log().warn('dead letter archived', {
    deadLetterId: id,
    messageId,
    correlationId,
    ...spanOf(span ?? traceparent),
    queue,
    attempt,
    redrives,
    reason: code,
    error: { message: reason },
  });
}
