import { share, type Access } from './access.ts';
import { transactionLimits, type Candidate } from './candidate.ts';

/** Messages, in order, whose inbox markers and effects fit into one DynamoDB transaction. */
export interface Group {
  readonly members: readonly Candidate[];
  /**
   * The indexes of the groups that must be committed before this group, because their messages are earlier and write
   * the same items.
   */
  readonly after: ReadonlySet<number>;
}

interface Filling extends Group {
  readonly isContended: boolean;
  readonly members: Candidate[];
  readonly after: Set<number>;
  readonly items: Set<string>;
  bytes: number;
}

const emptyGroup = (isContended: boolean): Filling => ({
  isContended,
  members: [],
  after: new Set(),
  items: new Set(),
  bytes: 0,
});

function hasRoom(group: Filling, { items, bytes }: Candidate): boolean {
  let size = group.items.size;
  for (const id of items.keys()) if (!group.items.has(id)) size++;
  return size <= transactionLimits.items && group.bytes + bytes <= transactionLimits.bytes;
}

/**
 * Packs messages into a few transactions of similar size. Messages that write a contended item (an item whose condition
 * failed in the previous commit) are packed separately, because DynamoDB will probably cancel their transactions.
 */
export function pack(candidates: readonly Candidate[], contended: ReadonlySet<string> = new Set()): Group[] {
  const all = new Set(candidates.flatMap(({ items }) => [...items.keys()]));
  const groups = Array.from({ length: Math.ceil(all.size / transactionLimits.items) }, () => emptyGroup(false));
  const uses = new Map<string, { readonly group: number; readonly access: Access }>();

  function groupFor(candidate: Candidate): number {
    let first = 0;
    let isBound = false;
    let isContended = false;
    for (const [id, access] of candidate.items) {
      isContended ||= contended.has(id);
      const use = uses.get(id);
      if (use === undefined) continue;
      isBound = true;
      first = Math.max(first, share(use.access, access) ? use.group : use.group + 1);
    }
    const isOpen = (group: Filling) => group.isContended === isContended && hasRoom(group, candidate);
    const open = [...groups.keys()].filter((n) => n >= first && isOpen(groups[n]!));
    if (open.length === 0) return groups.push(emptyGroup(isContended)) - 1;
    if (isBound && open[0] === first) return first;
    return open.reduce((best, n) => (groups[n]!.items.size < groups[best]!.items.size ? n : best));
  }

  for (const candidate of candidates) {
    const n = groupFor(candidate);
    const group = groups[n]!;
    group.members.push(candidate);
    group.bytes += candidate.bytes;
    for (const [id, access] of candidate.items) {
      const use = uses.get(id);
      if (use !== undefined && use.group !== n) group.after.add(use.group);
      uses.set(id, { group: n, access: (use?.group === n && share(use.access, access)) || access });
      group.items.add(id);
    }
  }
  return groups;
}
