import { setImmediate } from 'node:timers/promises';
import pMap from 'p-map';
import { toGroups, fault } from './group.ts';
import type { CommitResult, Entry } from './inbox.ts';
import { markerItemId } from './marker.ts';
import { toMember } from './member.ts';
import type { Member } from './member.ts';
import { commitGroup } from './commit-group.ts';
import type { Commit } from './settle.ts';

/** Transactions of one batch that run side by side. */
const CONCURRENT_GROUPS = 4;

/** Commits each entry's effects with its marker, in as few transactions as fit; never throws. */
export async function commitEntries(
  shared: Omit<Commit, 'results' | 'exists'>,
  entries: readonly Entry[],
): Promise<CommitResult[]> {
  const results: CommitResult[] = [];
  const commit: Commit = { ...shared, results, exists: new Map() };
  const members: Member[] = [];
  for (const [index, entry] of entries.entries()) {
    try {
      const member = toMember(index, entry, markerItemId(commit.scope.queue, entry.id));
      const error = fault(member);
      if (error === undefined) members.push(member);
      else results[index] = { is: 'failed', error };
    } catch (error) {
      results[index] = { is: 'failed', error: error as Error };
    }
  }
  const groups = toGroups(members, commit.scarce);
  const running: Promise<void>[] = [];
  const start = async (index: number): Promise<void> => {
    const group = groups[index]!;
    // The transaction before leaves before this one is written.
    if (index > 0) await setImmediate();
    for (const before of group.after) await running[before];
    await commitGroup(commit, group.members);
  };
  // A group waits only for groups before it, all of which have begun: the wait ends.
  const begin = (index: number) => (running[index] = start(index));
  await pMap([...groups.keys()], begin, { concurrency: CONCURRENT_GROUPS });
  return results;
}
