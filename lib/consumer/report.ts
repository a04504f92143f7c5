import type { Outcome } from './outcome.ts';
import type { Work } from './work.ts';

/** What became of a batch: what a consumer returns. The event source reads none of it. */
export interface BatchReport {
  readonly queue: string;
  readonly counts: Readonly<Record<Outcome['is'], number>>;
  /** Messages that were not completed, and where each is now: so many that Lambda takes the result, which has 6 MB at most. */
  readonly notCompleted: readonly NotCompleted[];
}

interface NotCompleted {
  readonly id: string | null;
  readonly outcome: Exclude<Outcome['is'], 'completed' | 'duplicate'>;
  readonly code: string;
  readonly message: string;
  /** The exchange that has its copy. */
  readonly destination?: string;
}

/** Messages named in a report at most, those that come back first. */
const MAX_NAMED = 200;
const MAX_MESSAGE_LENGTH = 300;

export function reportOf(queue: { name: string; deadLetterExchange: string }, works: readonly Work[]): BatchReport {
  const counts = { completed: 0, rejected: 0, duplicate: 0, retry: 0, 'dead-letter': 0, unfinished: 0 };
  const notCompleted: NotCompleted[] = [];
  for (const { delivery, outcome } of works) {
    if (!outcome) throw new Error(`a message of the queue ${queue.name} was left without an outcome`);
    counts[outcome.is] += 1;
    const id = delivery.id ?? null;
    if (outcome.is === 'rejected') notCompleted.push({ id, outcome: 'rejected', code: outcome.reason, message: '' });
    else if (outcome.is === 'retry' || outcome.is === 'dead-letter' || outcome.is === 'unfinished') {
      const destination =
        outcome.is === 'retry'
          ? outcome.tier.name
          : outcome.is === 'dead-letter'
            ? queue.deadLetterExchange
            : undefined;
      const message = outcome.message.slice(0, MAX_MESSAGE_LENGTH);
      notCompleted.push({ id, outcome: outcome.is, code: outcome.code, message, destination });
    }
  }
  const isReturned = ({ outcome }: NotCompleted) => outcome === 'unfinished';
  const named =
    notCompleted.length > MAX_NAMED
      ? [...notCompleted.filter(isReturned), ...notCompleted.filter((one) => !isReturned(one))].slice(0, MAX_NAMED)
      : notCompleted;
  return { queue: queue.name, counts, notCompleted: named };
}

/** Thrown where messages could be neither finished nor placed: the event source returns the whole batch to its queue. */
export class BatchUnfinishedError extends Error {
  override readonly name = 'BatchUnfinishedError';
  readonly report: BatchReport;

  constructor(report: BatchReport) {
    const unfinished = report.notCompleted.filter(({ outcome }) => outcome === 'unfinished');
    const codes = [...new Set(unfinished.map(({ code, message }) => `${code}: ${message}`))].slice(0, 3);
    super(
      `${report.counts.unfinished} messages of the queue ${report.queue} come back with their batch (${codes.join('; ')})`,
    );
    this.report = report;
  }
}
