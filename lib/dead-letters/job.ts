import { expiryAfter } from '../dynamodb/item.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import type { Filter } from './list.ts';
import type { Attributes } from '../archive/record.ts';

/** The request of an operator for a job that redrives or discards many dead letters. */
export interface JobOrder {
  readonly action: 'redrive' | 'discard';
  /**
   * The ids of the dead letters to redrive or discard. If absent, the job selects all open dead letters that match the
   * filter.
   */
  readonly ids?: readonly string[];
  readonly filter?: Omit<Filter, 'status'>;
  readonly maximum: number;
  readonly force: boolean;
  readonly ratePerSecond: number;
  readonly reason: string;
  readonly requestedBy: string;
}

/** Which dead letters a job selects, as determined when the job is created. */
export interface JobScope {
  /** How many dead letters the job selects. Absent if the archive contains too many dead letters to count. */
  readonly total?: number;
  /**
   * The group of dead letters to which the job's filter is limited. Absent if the filter is not limited to a group, or
   * if the group has no dead letters.
   */
  readonly group?: { readonly queue?: string; readonly code: string; readonly cause: string };
}

export interface JobProgress {
  readonly done: number;
  readonly failed: number;
  /** How many dead letters the job neither redrove nor discarded, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** The last error. */
  readonly error?: string;
}

export type JobStatus = 'running' | 'done' | 'cancelled';

export interface Job extends JobScope {
  readonly id: string;
  readonly order: JobOrder;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly status: JobStatus;
  readonly progress: JobProgress;
  /** The position of the job in its list of dead letters. Absent before the first step of the job. */
  readonly position?: string;
}

const JOB_PART = '-2';

export const JOB_KIND = 'job';

export const jobKey = (id: string): Attributes => ({ id: { S: id }, part: { N: JOB_PART } });

/** Creates the DynamoDB item of a new job. No process has a lease on a new job. */
export function toItem(
  { id, order, createdAt, updatedAt, status, progress, total, group }: Job,
  retentionDays: number,
  nowMs: number,
): Attributes {
  return {
    ...jobKey(id),
    kind: { S: JOB_KIND },
    listedAt: { S: `${createdAt}#${id}` },
    order: { S: JSON.stringify(order) },
    ...(total !== undefined && { total: { N: String(total) } }),
    ...(group && { group: { S: JSON.stringify(group) } }),
    createdAt: { S: createdAt },
    updatedAt: { S: updatedAt },
    status: { S: status },
    progress: { S: JSON.stringify(progress) },
    expiresAt: { N: expiryAfter(retentionDays, nowMs) },
  };
}

/** Converts DynamoDB items to jobs. Logs and leaves out each invalid item, so that it does not block the other jobs. */
export const readable = (items: readonly Attributes[]): Job[] =>
  items.flatMap((item) => {
    try {
      return [fromItem(item)];
    } catch (error) {
      log().error('job cannot be read', { jobId: item.id?.S, ...errorFields(error) });
      return [];
    }
  });

export function fromItem(item: Attributes): Job {
  const text = (name: string) => item[name]?.S ?? '';
  return {
    id: text('id'),
    order: JSON.parse(text('order')) as JobOrder,
    createdAt: text('createdAt'),
    updatedAt: text('updatedAt'),
    status: text('status') as JobStatus,
    progress: JSON.parse(text('progress')) as JobProgress,
    position: item.position?.S,
    // A job of an earlier release has neither of these attributes.
    total: item.total?.N === undefined ? undefined : Number(item.total.N),
    group: item.group?.S === undefined ? undefined : (JSON.parse(item.group.S) as JobScope['group']),
  };
}
