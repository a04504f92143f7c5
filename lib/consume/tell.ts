import { log } from '../log.ts';
import { counts, duration } from '../metrics.ts';
import { traceIdOf } from '../trace.ts';
import type { BatchReport } from './report.ts';
import type { Work } from './work.ts';

/** Ids in one log line at most: CloudWatch cuts long events. */
const IDS_PER_LINE = 500;

/** Counts every outcome and logs every message once: failures one by one, the rest by their ids. */
export function tell(report: BatchReport, works: readonly Work[], tookMs: number): void {
  const { queue } = report;
  counts(
    {
      Completed: report.counts.completed,
      Rejected: report.counts.rejected,
      Duplicates: report.counts.duplicate,
      Retried: report.counts.retry,
      DeadLettered: report.counts['dead-letter'],
      Unfinished: report.counts.unfinished,
    },
    { queue },
  );
  duration('BatchDuration', tookMs, { queue });
  for (const { delivery, outcome } of works) {
    if (!outcome || outcome.is === 'completed' || outcome.is === 'duplicate') continue;
    const { id, envelope, properties } = delivery;
    const about = {
      queue,
      messageId: id,
      correlationId: properties.correlationId,
      traceId: traceIdOf(envelope.traceparent),
      attempt: envelope.attempt,
      ...(outcome.is === 'retry'
        ? { ...outcome, tier: outcome.tier.exchange, message: undefined }
        : { ...outcome, message: undefined }),
      ...('message' in outcome && { why: outcome.message }),
    };
    if (outcome.is === 'rejected') log().info('message rejected', about);
    else
      log().warn(
        `message ${outcome.is === 'retry' ? 'to be retried' : outcome.is === 'dead-letter' ? 'dead-lettered' : 'unfinished'}`,
        about,
      );
  }
  for (const is of ['completed', 'duplicate'] as const) {
    const ids = works.filter(({ outcome }) => outcome?.is === is).map(({ delivery }) => delivery.id);
    for (let start = 0; start < ids.length; start += IDS_PER_LINE)
      log().info(`messages ${is === 'completed' ? 'completed' : 'known already'}`, {
        queue,
        messageIds: ids.slice(start, start + IDS_PER_LINE),
      });
  }
}
