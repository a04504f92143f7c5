import type { Result } from '../message/message.ts';
import type { Outcome } from '../message/outcome.ts';

/** The return value of a consumer's Lambda handler. Tests and people can read it; the event source ignores it. */
export interface BatchReport {
  readonly queue: string;
  readonly counts: Readonly<Record<Outcome['is'], number>>;
  /**
   * The messages of the batch whose outcome is neither `completed` nor `duplicate`. At most 200 messages are listed,
   * because Lambda limits a return value to 6 MB. `unfinished` messages take precedence over the others.
   */
  readonly notCompleted: readonly NotCompleted[];
}

interface NotCompleted {
  readonly id: string | null;
  readonly outcome: Exclude<Outcome['is'], 'completed' | 'duplicate'>;
  readonly code: string;
  readonly message: string;
  /**
   * The exchange to which the consumer published the retry copy, the postponed copy or the dead letter of the message.
   */
  readonly destination?: string;
}

const MAX_NAMED = 200;
const MAX_MESSAGE_LENGTH = 300;

export function reportOf(
  queue: { readonly name: string; readonly deadLetterExchange: string },
  results: readonly Pick<Result, 'delivery' | 'outcome'>[],
): BatchReport {
  const counts = { completed: 0, rejected: 0, duplicate: 0, retry: 0, postponed: 0, 'dead-letter': 0, unfinished: 0 };
  const notCompleted: NotCompleted[] = [];
  for (const { delivery, outcome } of results) {
    counts[outcome.is] += 1;
    if (outcome.is === 'completed' || outcome.is === 'duplicate') continue;
    const id = delivery.id ?? null;
    if (outcome.is === 'rejected') {
      notCompleted.push({ id, outcome: 'rejected', code: outcome.reason, message: '' });
      continue;
    }
    const destination =
      'delayQueue' in outcome
        ? outcome.delayQueue.name
        : outcome.is === 'dead-letter'
          ? queue.deadLetterExchange
          : undefined;
    const message = outcome.message.slice(0, MAX_MESSAGE_LENGTH);
    notCompleted.push({ id, outcome: outcome.is, code: outcome.code, message, destination });
  }
  const isReturned = ({ outcome }: NotCompleted) => outcome === 'unfinished';
  const named =
    notCompleted.length > MAX_NAMED
      ? [...notCompleted.filter(isReturned), ...notCompleted.filter((one) => !isReturned(one))].slice(0, MAX_NAMED)
      : notCompleted;
  return { queue: queue.name, counts, notCompleted: named };
}

/**
 * Thrown when at least one message of the batch has no outcome. Lambda then reports a failure, and the event source
 * returns the whole batch to its queue.
 */
export class BatchUnfinishedError extends Error {
  override readonly name = 'BatchUnfinishedError';
  readonly report: BatchReport;

  constructor(report: BatchReport) {
    const unfinished = report.notCompleted.filter(({ outcome }) => outcome === 'unfinished');
    const codes = [...new Set(unfinished.map(({ code, message }) => `${code}: ${message}`))].slice(0, 3);
    super(
      `${report.counts.unfinished} messages of the queue ${report.queue} will be redelivered with their batch (${codes.join('; ')})`,
    );
    this.report = report;
  }
}
