import pMap from 'p-map';

import { systemClock } from '../../lib/runtime/clock.ts';
import { readConfig } from '../../lib/runtime/config.ts';
import { decode, type RabbitMqEvent } from '../../lib/consumer/delivery.ts';
import { log } from '../../lib/runtime/log.ts';
import { traceIdOf } from '../../lib/events/trace.ts';
import type { DeadLetter } from '../../lib/dead-letters/dead-letter.ts';
import { deadLetterOf } from '../../lib/dead-letters/origin.ts';
import { noteValues } from '../../lib/dead-letters/known-values.ts';
import { storeDeadLetter } from '../../lib/dead-letters/store-dead-letter.ts';

// Wrong settings fail the start of the function, not its first message.
readConfig(process.env);

/** Dead letters that are being stored at once. */
const CONCURRENCY = 16;

/** Keeps every dead letter, byte for byte. Where one cannot be stored it throws, and the whole batch comes again. */
export async function handler(event: RabbitMqEvent): Promise<{ archived: number; knownAlready: number }> {
  const nowMs = systemClock.now();
  const letters = decode(event).map((delivery) => ({ deadLetter: deadLetterOf(delivery, nowMs), delivery }));
  // Dead letters of one id are stored one after another: side by side they would write over each other.
  const byId = new Map<string, typeof letters>();
  for (const letter of letters) byId.set(letter.deadLetter.id, [...(byId.get(letter.deadLetter.id) ?? []), letter]);
  const stored = await pMap(
    byId.values(),
    async (group) => {
      let stored = 0;
      for (const { deadLetter, delivery } of group) {
        await noteValues(deadLetter);
        if (!(await storeDeadLetter(deadLetter, delivery))) continue;
        tell(deadLetter);
        stored += 1;
      }
      return stored;
    },
    { concurrency: CONCURRENCY },
  );
  const archived = stored.reduce((sum, count) => sum + count, 0);
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
}
