import { randomUUID } from 'node:crypto';

import pMap from 'p-map';

import { toDeadLetter, type DeadLetter } from '../archive/dead-letter.ts';
import type { ArchiveTable } from '../archive/record.ts';
import { storeDeadLetter } from '../archive/store-dead-letter.ts';
import { deriveId } from '../events/message-id.ts';
import { spanOf } from '../events/trace.ts';
import { decode, type Delivery, type RabbitMqEvent } from '../message/delivery.ts';
import { runInMessageSpan, withBatchTrace, type BatchTrace } from '../message/trace.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Clock } from '../runtime/clock.ts';
import { describeError, type ErrorCode } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { KnownValues } from './known-values.ts';
import { deadLetterFrom } from './origin.ts';

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

/** The codes of DynamoDB errors that cannot be caused by the content of a message. */
const NOT_OF_MESSAGE = new Set<ErrorCode>(['STORE_UNAVAILABLE', 'TABLE_MISSING', 'ACCESS_DENIED']);

/** The maximum number of dead letters that are written to the archive concurrently. */
const CONCURRENCY = 16;

/**
 * Stores every message of a batch from the dead-letter queue in the archive. If a message cannot be stored, stores the
 * other messages and then throws an error, and the whole batch is redelivered.
 */
export async function archiveBatch(
  { table, queues, knownValues, clock, tracing }: Archiving,
  event: RabbitMqEvent,
): Promise<ArchiveReport> {
  const nowMs = clock.now();
  const deliveries = decode(event);
  const items = deliveries.map((delivery) => ({ deadLetter: described(delivery), delivery }));
  return withBatchTrace(tracing, deliveries[0]?.queue ?? '', deliveries, async (trace) => {
    let archived = 0;
    const errors: unknown[] = [];
    await pMap(
      groupById(items),
      async (group) => {
        for (const { deadLetter, delivery } of group)
          try {
            if (await runInMessageSpan(trace, delivery, () => archiveOne(deadLetter, delivery, trace))) archived += 1;
          } catch (error) {
            errors.push(error);
          }
      },
      { concurrency: CONCURRENCY },
    );
    if (errors.length > 0) throw errors[0];
    return { archived, duplicates: items.length - archived };
  });

  function described(delivery: Delivery): DeadLetter {
    try {
      return deadLetterFrom(delivery, queues, nowMs);
    } catch (error) {
      return undescribed(delivery, error, nowMs);
    }
  }

  async function archiveOne(
    deadLetter: DeadLetter,
    delivery: Delivery,
    trace: BatchTrace | undefined,
  ): Promise<boolean> {
    try {
      return await archiveAs(deadLetter, delivery, trace);
    } catch (error) {
      // Any other error may be caused by the message's own texts, even STORE_MISCONFIGURED.
      if (NOT_OF_MESSAGE.has(describeError(error).code)) throw error;
      return archiveAs(undescribed(delivery, error, nowMs), delivery, trace).catch(() => {
        throw error;
      });
    }
  }

  async function archiveAs(
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

/**
 * Returns an archive record without headers and properties, for a dead letter whose headers or properties cannot be
 * read or stored.
 */
function undescribed({ id: messageId, payloadHash, body, envelope }: Delivery, error: unknown, nowMs: number) {
  const { attempt, redrives } = envelope;
  const { code, message } = describeError(error);
  log().error(
    'a dead letter is archived as UNKNOWN_ERROR, because its headers or properties cannot be read or stored',
    {
      messageId,
      ...errorFields(error),
    },
  );
  const origin = {
    id: messageId ? deriveId('dead-letter', 'undescribed', messageId, payloadHash, String(redrives)) : randomUUID(),
    code: 'UNKNOWN_ERROR',
    reason: `The archive cannot read or store the headers or properties of the message: ${code}: ${message}`,
    deadLetteredAt: new Date(nowMs).toISOString(),
  };
  const bare = { properties: { headers: {} }, envelope: { attempt, redrives, isPostponed: false } };
  return toDeadLetter({ id: messageId, payloadHash, body, ...bare }, origin, nowMs);
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
