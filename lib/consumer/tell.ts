import { log } from '../runtime/log.ts';
import { counts, duration, durations } from '../runtime/metrics.ts';
import { traceIdOf } from '../events/trace.ts';
import type { Failure, Outcome } from './outcome.ts';
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
  tellFailures(queue, works);
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
      return log().warn('message to be retried', {
        ...about,
        tier: outcome.tier.name,
        delayMs: outcome.tier.delayMs,
        ...why(outcome),
      });
    case 'dead-letter':
      return log().warn('message dead-lettered', { ...about, ...why(outcome) });
    case 'unfinished':
      return log().warn('message comes back with its batch', { ...about, ...why(outcome) });
  }
}

/** Different failures of rules that are logged with their stack for one batch, and ids that each names, at most. */
const MAX_FAILURES = 5;
const MAX_FAILED_IDS = 20;

/** Logs each stack once, however many messages of the batch failed with it. */
function tellFailures(queue: string, works: readonly Work[]): void {
  const failures = new Map<string, { failure: Failure; code: string; ids: (string | undefined)[] }>();
  for (const { delivery, outcome } of works) {
    if (outcome?.is !== 'retry' && outcome?.is !== 'dead-letter') continue;
    const { failure, code } = outcome;
    if (!failure) continue;
    const place = failure.error.stack ?? `${failure.error.name}: ${failure.error.message}`;
    const met = failures.get(place);
    if (met) met.ids.push(delivery.id);
    else if (failures.size < MAX_FAILURES) failures.set(place, { failure, code, ids: [delivery.id] });
  }
  for (const { failure, code, ids } of failures.values())
    log().warn('rule failed', {
      queue,
      reason: code,
      failed: ids.length,
      messageIds: ids.slice(0, MAX_FAILED_IDS),
      frames: failure.frames,
      error: failure.error,
    });
}

const why = ({ code, message }: Extract<Outcome, { code: string }>) => ({ code, why: message });

function tellIds(queue: string, line: string, works: readonly Work[], is: Outcome['is']): void {
  const ids = works.filter(({ outcome }) => outcome?.is === is).map(({ delivery }) => delivery.id);
  for (let start = 0; start < ids.length; start += IDS_PER_LINE)
    log().info(line, { queue, messageIds: ids.slice(start, start + IDS_PER_LINE) });
}
