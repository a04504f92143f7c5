import { spanOf } from '../events/trace.ts';
import { log } from '../runtime/log.ts';
import { recordMetrics, recordCollected } from '../runtime/metrics.ts';
import type { Result } from './message.ts';
import type { Failure, Outcome } from './outcome.ts';
import type { BatchReport } from './report.ts';
import type { BatchTrace } from './trace.ts';

/**
 * The largest number of message ids in one log line. Further ids are logged in additional lines, because CloudWatch
 * truncates long log events.
 */
const IDS_PER_LINE = 500;

/**
 * Counts the outcomes of a batch and logs each message once. Completed messages and duplicates are logged as lists of ids,
 * every other message on its own line.
 */
export function recordTelemetry(
  { queue, counts: of }: BatchReport,
  results: readonly Result[],
  { startedAtMs, nowMs, trace }: { readonly startedAtMs: number; readonly nowMs: number; readonly trace?: BatchTrace },
): void {
  recordMetrics(
    {
      Completed: of.completed,
      Rejected: of.rejected,
      Duplicates: of.duplicate,
      Retried: of.retry,
      Postponed: of.postponed,
      DeadLettered: of['dead-letter'],
      Unfinished: of.unfinished,
      BatchSize: results.length,
      BatchDuration: nowMs - startedAtMs,
      TimeToOutcome: results.flatMap((result) => timeToOutcome(result, nowMs)),
    },
    { queue },
  );
  recordCollected();
  for (const result of results) logMessage(queue, result, trace);
  logFailures(queue, results);
  logIds(queue, 'messages completed', results, 'completed');
  logIds(queue, 'duplicates skipped', results, 'duplicate');
}

/**
 * Returns a list with the time from the publish of a processed message to its outcome, in ms. The list is empty if the
 * message has no valid publish time.
 */
function timeToOutcome({ delivery: { envelope }, outcome }: Result, nowMs: number): number[] {
  if ((outcome.is !== 'completed' && outcome.is !== 'rejected') || !envelope.publishedAt) return [];
  const ms = nowMs - Date.parse(envelope.publishedAt);
  return Number.isNaN(ms) ? [] : [Math.max(ms, 0)];
}

function logMessage(queue: string, { delivery, outcome }: Result, trace: BatchTrace | undefined): void {
  const { id, envelope, properties } = delivery;
  const message = {
    queue,
    messageId: id,
    correlationId: properties.correlationId,
    ...spanOf(trace?.of(delivery).trace.traceparent ?? envelope.traceparent),
    attempt: envelope.attempt,
  };
  switch (outcome.is) {
    case 'rejected':
      return log().info('message rejected', { ...message, reason: outcome.reason });
    case 'retry':
      return log().warn('message to be retried', { ...message, ...delayOf(outcome), ...reasonOf(outcome) });
    case 'postponed':
      return log().info('message postponed', { ...message, ...delayOf(outcome), ...reasonOf(outcome) });
    case 'dead-letter':
      return log().warn('message dead-lettered', { ...message, ...reasonOf(outcome) });
    case 'unfinished':
      return log().warn('message unfinished; batch will be redelivered', { ...message, ...reasonOf(outcome) });
  }
}

const delayOf = ({ delayQueue }: Extract<Outcome, { delayQueue: unknown }>) => ({
  delayQueue: delayQueue.name,
  delayMs: delayQueue.delayMs,
});

const reasonOf = ({ code, message }: Extract<Outcome, { code: string }>) => ({ reason: code, error: { message } });

/**
 * The largest number of different errors per batch that are logged with their stack traces. Further errors of the batch
 * are logged without a stack trace.
 */
const MAX_FAILURES = 5;
const MAX_FAILED_IDS = 20;

/** Logs each different stack trace once per batch, even if many messages of the batch failed with the same error. */
function logFailures(queue: string, results: readonly Result[]): void {
  const failures = new Map<string, { failure: Failure; code: string; ids: (string | undefined)[] }>();
  for (const { delivery, outcome } of results) {
    if (outcome.is !== 'retry' && outcome.is !== 'dead-letter') continue;
    const { failure, code } = outcome;
    if (!failure) continue;
    const stack = failure.error.stack ?? `${failure.error.name}: ${failure.error.message}`;
    const known = failures.get(stack);
    if (known) known.ids.push(delivery.id);
    else if (failures.size < MAX_FAILURES) failures.set(stack, { failure, code, ids: [delivery.id] });
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

function logIds(queue: string, line: string, results: readonly Result[], is: Outcome['is']): void {
  const ids = results.filter(({ outcome }) => outcome.is === is).map(({ delivery }) => delivery.id);
  for (let start = 0; start < ids.length; start += IDS_PER_LINE)
    log().info(line, { queue, messageIds: ids.slice(start, start + IDS_PER_LINE) });
}
