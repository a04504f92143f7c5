import type { ArchiveTable } from '../archive/record.ts';
import type { JobOrder, JobScope } from './job.ts';
import { listGroups } from './list-groups.ts';
import { untilOf } from './select-dead-letters.ts';

/**
 * Counts the dead letters that a new job selects. If the filter of the job names a group of dead letters, also returns
 * the queue, the error code and the cause of the group.
 */
export async function scopeOf(
  table: ArchiveTable,
  { ids, filter, maximum }: Pick<JobOrder, 'ids' | 'filter' | 'maximum'>,
  nowMs: number,
): Promise<JobScope> {
  if (ids) return { total: ids.length };
  const to = untilOf(filter, new Date(nowMs).toISOString());
  const { groups, isIncomplete } = await listGroups(table, { ...filter, status: 'open', to }, nowMs);
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const [named] = filter?.group === undefined ? [] : groups;
  return {
    total: isIncomplete ? undefined : Math.min(count, maximum),
    group: named && { queue: named.queue, code: named.code, cause: named.cause },
  };
}
