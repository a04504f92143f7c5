import { publishTimeOf } from '../events/publish-time.ts';
import { spanOf } from '../events/trace.ts';
import type { Delivery } from '../message/delivery.ts';
import type { Result } from '../message/message.ts';
import { outcomeTraits, type Outcome, type ThrownError } from '../message/outcome.ts';
import type { BatchTrace } from '../message/trace.ts';
import { isLogged, log, logLines, type LogLines } from '../runtime/log.ts';
import { recordMetrics, recordCollected } from '../runtime/metrics.ts';
import type { recordedMetrics } from '../runtime/recorded-metrics.ts';
import type { BatchReport } from './report.ts';
import type { ConsumerSettings } from './settings.ts';

export type LogSettings = Pick<ConsumerSettings, 'OUTCOME_LOG_LEVELS' | 'COMPLETED_LINES_PER_BATCH'>;

interface Processed {
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly settings: LogSettings;
  readonly trace?: BatchTrace;
}

/**
 * Records the metrics and the log lines of a batch. In a large batch, only a sample of the completed messages and
 * duplicates is logged.
 */
export function recordTelemetry(
  { queue, counts: of }: BatchReport,
  results: readonly Result[],
  processed: Processed,
): void {
  const { startedAtMs, nowMs } = processed;
  const traceIdFor = ({ delivery }: Result) => spanIds(delivery, processed.trace).traceId;
  const counted = (Object.keys(METRICS) as Outcome['is'][]).map((outcome) => {
    const first = results.find(({ outcome: { is } }) => is === outcome);
    return [METRICS[outcome], { values: of[outcome], traceId: first && traceIdFor(first) }] as const;
  });
  const times = results
    .flatMap((result) => timeToOutcome(result, nowMs).map((ms) => ({ ms, result })))
    .toSorted((one, other) => other.ms - one.ms);
  const batchTraceId = results[0] && traceIdFor(results[0]);
  recordMetrics(
    {
      ...Object.fromEntries(counted),
      BatchSize: results.length,
      BatchDuration: { values: nowMs - startedAtMs, traceId: batchTraceId },
      TimeToOutcome: { values: times.map(({ ms }) => ms), traceId: times[0] && traceIdFor(times[0].result) },
    },
    { queue },
  );
  recordCollected(batchTraceId);
  logOutcomes(queue, results, processed);
  logFailures(queue, results, processed.trace);
}

function timeToOutcome({ delivery, outcome }: Result, nowMs: number): number[] {
  if (!outcomeTraits[outcome.is].isCommitted) return [];
  const publishedAtMs = publishTimeOf(delivery);
  return publishedAtMs === undefined ? [] : [Math.max(nowMs - publishedAtMs, 0)];
}

/** For each outcome, the metric that counts the messages with this outcome. */
const METRICS: Readonly<Record<Outcome['is'], keyof typeof recordedMetrics>> = {
  completed: 'Completed',
  rejected: 'Rejected',
  duplicate: 'Duplicates',
  retry: 'Retried',
  postponed: 'Postponed',
  'dead-letter': 'DeadLettered',
  unfinished: 'Unfinished',
};

const MESSAGES: Readonly<Record<Outcome['is'], string>> = {
  completed: 'message completed',
  rejected: 'message rejected',
  duplicate: 'duplicate skipped',
  retry: 'message to be retried',
  postponed: 'message postponed',
  'dead-letter': 'message dead-lettered',
  unfinished: 'message unfinished; batch will be redelivered',
};

const SAMPLED: ReadonlySet<Outcome['is']> = new Set(['completed', 'duplicate']);

function logOutcomes(
  queue: string,
  results: readonly Result[],
  { startedAtMs, nowMs, trace, settings: { OUTCOME_LOG_LEVELS: levels, COMPLETED_LINES_PER_BATCH } }: Processed,
): void {
  const byOutcome = new Map<Outcome['is'], Result[]>();
  for (const result of results) {
    const same = byOutcome.get(result.outcome.is);
    if (same) same.push(result);
    else byOutcome.set(result.outcome.is, [result]);
  }
  const counts: Partial<Record<Outcome['is'], number>> = {};
  let notLogged = 0;
  const groups: LogLines[] = [];
  for (const [is, all] of byOutcome) {
    counts[is] = all.length;
    const level = levels[is];
    if (!isLogged(level)) continue;
    const logged = SAMPLED.has(is) ? sampleOf(all, COMPLETED_LINES_PER_BATCH) : all;
    notLogged += all.length - logged.length;
    const lines = logged.map((result) => fieldsOf(result, trace));
    groups.push({ level, message: MESSAGES[is], shared: { queue }, lines });
  }
  const batch = {
    messages: results.length,
    outcomes: counts,
    notLogged: notLogged || undefined,
    durationMs: nowMs - startedAtMs,
    ...spanOf(trace?.receive.traceparent),
  };
  logLines([...groups, { level: 'INFO', message: 'batch processed', shared: { queue }, lines: [batch] }]);
}

const sampleOf = (results: readonly Result[], count: number): readonly Result[] =>
  results.length <= count
    ? results
    : Array.from({ length: count }, (_, index) => results[Math.floor((index * results.length) / count)]!);

function fieldsOf({ delivery, outcome }: Result, trace: BatchTrace | undefined): Record<string, unknown> {
  const { id, envelope, properties } = delivery;
  return {
    messageId: id,
    correlationId: properties.correlationId,
    ...spanIds(delivery, trace),
    attempt: envelope.attempt,
    ...('delayQueue' in outcome && { delayQueue: outcome.delayQueue.name, delayMs: outcome.delayQueue.delayMs }),
    ...('code' in outcome && { reason: outcome.code, error: { message: outcome.message } }),
    ...(outcome.is === 'rejected' && { reason: outcome.reason }),
  };
}

const MAX_FAILURES = 5;
const MAX_FAILED_IDS = 20;

/** Logs each different stack trace once per batch, even if many messages of the batch failed with the same error. */
function logFailures(queue: string, results: readonly Result[], trace: BatchTrace | undefined): void {
  const failures = new Map<string, { thrown: ThrownError; code: string; failed: Delivery[] }>();
  for (const { delivery, outcome } of results) {
    if (outcome.is !== 'retry' && outcome.is !== 'dead-letter') continue;
    const { cause, code } = outcome;
    if (cause.is !== 'thrown') continue;
    const { error } = cause;
    const stack = error.stack ?? `${error.name}: ${error.message}`;
    const known = failures.get(stack);
    if (known) known.failed.push(delivery);
    else if (failures.size < MAX_FAILURES) failures.set(stack, { thrown: cause, code, failed: [delivery] });
  }
  for (const { thrown, code, failed } of failures.values())
    log().warn('rule failed', {
      queue,
      reason: code,
      failed: failed.length,
      messageIds: failed.slice(0, MAX_FAILED_IDS).map(({ id }) => id),
      ...spanIds(failed[0]!, trace),
      frames: thrown.frames,
      error: thrown.error,
    });
}

const spanIds = (delivery: Delivery, trace: BatchTrace | undefined) =>
  spanOf(trace?.of(delivery).trace.traceparent ?? delivery.envelope.traceparent);
