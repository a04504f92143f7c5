import pMap from 'p-map';

import { systemClock } from '../../lib/clock.ts';
import { readConfig } from '../../lib/config.ts';
import { decode, type RabbitMqEvent } from '../../lib/consume/delivery.ts';
import { log } from '../../lib/log.ts';
import { count } from '../../lib/metrics.ts';
import { traceIdOf } from '../../lib/trace.ts';
import type { DeadLetter } from '../../lib/dead-letters/dead-letter.ts';
import { deadLetterOf } from './from-delivery.ts';
import { noteValues } from './known-values.ts';
import { storeLetter } from '../../lib/dead-letters/store-letter.ts';

// Wrong settings fail the start of the function, not its first message.
readConfig(process.env);

/** Dead letters that are being stored at once. */
const CONCURRENCY = 16;

/** Keeps every dead letter, byte for byte. Where one cannot be stored it throws, and the whole batch comes again. */
export async function handler(event: RabbitMqEvent): Promise<{ archived: number; knownAlready: number }> {
  const nowMs = systemClock.now();
  const letters = decode(event).map((delivery) => ({ deadLetter: deadLetterOf(delivery, nowMs), delivery }));
  // Copies of one dead letter, stored side by side, would write over each other.
  const distinct = [...new Map(letters.map((letter) => [letter.deadLetter.id, letter])).values()];
  const stored = await pMap(
    distinct,
    async ({ deadLetter, delivery: { body, properties } }) => {
      await noteValues(deadLetter);
      const isNew = await storeLetter(deadLetter, { body, properties });
      if (isNew) tell(deadLetter);
      return isNew;
    },
    { concurrency: CONCURRENCY },
  );
  const archived = stored.filter(Boolean).length;
  return { archived, knownAlready: letters.length - archived };
}

function tell({ id, messageId, correlationId, queue, code, reason, attempt, redrives, traceparent }: DeadLetter): void {
  const traceId = traceIdOf(traceparent);
  log().warn('dead letter archived', {
    deadLetterId: id,
    messageId,
    correlationId,
    traceId,
    queue,
    code,
    reason,
    attempt,
    redrives,
  });
  count('DeadLettersArchived', 1, { queue: queue ?? 'unknown' });
}
