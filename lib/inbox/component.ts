import type { Member } from './member.ts';

/** Messages that share an item, if only through others between them; no two components share any. */
export interface Component {
  /** In the order of the entries. */
  readonly members: Member[];
  readonly items: ReadonlySet<string>;
  readonly bytes: number;
  /** Whether a put keeps somebody else from its item, so that they cannot share a transaction. */
  readonly isTorn: boolean;
}

/** Takes the messages apart as far as they have nothing to do with each other. */
export function toComponents(members: readonly Member[]): Component[] {
  const parents = members.map((_, n) => n);
  const rootOf = (n: number): number => {
    let root = n;
    while (parents[root] !== root) root = parents[root] = parents[parents[root]!]!;
    return root;
  };
  const firstOn = new Map<string, number>();
  for (const [n, { footprint }] of members.entries()) {
    for (const id of footprint.keys()) {
      const first = firstOn.get(id);
      if (first === undefined) firstOn.set(id, n);
      else parents[rootOf(n)] = rootOf(first);
    }
  }
  const byRoot = new Map<number, Member[]>();
  for (const [n, member] of members.entries()) {
    const root = rootOf(n);
    const together = byRoot.get(root);
    if (together === undefined) byRoot.set(root, [member]);
    else together.push(member);
  }
  return [...byRoot.values()].map(describe);
}

function describe(members: Member[]): Component {
  const items = new Map<string, boolean>();
  let bytes = 0;
  let isTorn = false;
  for (const { footprint, bytes: own } of members) {
    bytes += own;
    for (const [id, exclusive] of footprint) {
      const before = items.get(id);
      isTorn ||= before !== undefined && (before || exclusive);
      items.set(id, exclusive);
    }
  }
  return { members, items: new Set(items.keys()), bytes, isTorn };
}
