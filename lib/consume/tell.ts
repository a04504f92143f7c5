import { log } from '../log.ts';
import { counts, duration, durations } from '../metrics.ts';
import { traceIdOf } from '../trace.ts';
import type { Outcome } from './outcome.ts';
import type { BatchReport } from './report.ts';
import type { Work } from './work.ts';

/** Ids in one log line at most: CloudWatch cuts long events. */
const IDS_PER_LINE = 500;

/** Counts every outcome and logs every message once: what was not completed line by line, the rest by their ids. */
export function tell({ queue, counts: of }: BatchReport, works: readonly Work[], tookMs: number, nowMs: number): void {
  counts(
    {
      Completed: of.completed,
      Rejected: of.rejected,
      Duplicates: of.duplicate,
      Retried: of.retry,
      DeadLettered: of['dead-letter'],
      Unfinished: of.unfinished,
    },
    { queue },
  );
  duration('BatchDuration', tookMs, { queue });
  durations(
    'TimeToOutcome',
    works.flatMap((work) => timeToOutcome(work, nowMs)),
    { queue },
  );
  for (const work of works) tellOne(queue, work);
  tellIds(queue, 'messages completed', works, 'completed');
  tellIds(queue, 'messages known already', works, 'duplicate');
}

/** From the publish to the end of the message, in ms, where both are known. */
function timeToOutcome({ delivery: { envelope }, outcome }: Work, nowMs: number): number[] {
  if ((outcome?.is !== 'completed' && outcome?.is !== 'rejected') || !envelope.publishedAt) return [];
  const ms = nowMs - Date.parse(envelope.publishedAt);
  return Number.isNaN(ms) ? [] : [Math.max(ms, 0)];
}

function tellOne(queue: string, { delivery: { id, envelope, properties }, outcome }: Work): void {
  const about = {
    queue,
    messageId: id,
    correlationId: properties.correlationId,
    traceId: traceIdOf(envelope.traceparent),
    attempt: envelope.attempt,
  };
  switch (outcome?.is) {
    case 'rejected':
      return log().info('message rejected', { ...about, reason: outcome.reason });
    case 'retry':
      return log().warn('message to be retried', { ...about, tier: outcome.tier.exchange, ...why(outcome) });
    case 'dead-letter':
      return log().warn('message dead-lettered', { ...about, ...why(outcome) });
    case 'unfinished':
      return log().warn('message comes back with its batch', { ...about, ...why(outcome) });
  }
}

const why = ({ code, message }: Extract<Outcome, { code: string }>) => ({ code, why: message });

function tellIds(queue: string, line: string, works: readonly Work[], is: Outcome['is']): void {
  const ids = works.filter(({ outcome }) => outcome?.is === is).map(({ delivery }) => delivery.id);
  for (let start = 0; start < ids.length; start += IDS_PER_LINE)
    log().info(line, { queue, messageIds: ids.slice(start, start + IDS_PER_LINE) });
}
