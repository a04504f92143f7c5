import { share, type Access } from './access.ts';
import { transactionLimits, type Candidate } from './candidate.ts';

/** Messages that fit into one DynamoDB transaction. */
export interface Group {
  readonly members: readonly Candidate[];
  /**
   * The indexes of the groups that must be committed before this group, because they write the same items for earlier
   * messages.
   */
  readonly after: ReadonlySet<number>;
}

interface Piece {
  readonly members: Candidate[];
  readonly items: Set<string>;
  bytes: number;
}

const emptyPiece = (): Piece => ({ members: [], items: new Set(), bytes: 0 });

function toComponents(candidates: readonly Candidate[]): Candidate[][] {
  const parents = candidates.map((_, n) => n);
  const rootOf = (n: number): number => {
    let root = n;
    while (parents[root] !== root) root = parents[root] = parents[parents[root]!]!;
    return root;
  };
  const firstOn = new Map<string, number>();
  for (const [n, { items }] of candidates.entries())
    for (const id of items.keys()) {
      const first = firstOn.get(id);
      if (first === undefined) firstOn.set(id, n);
      else parents[rootOf(n)] = rootOf(first);
    }
  const components = new Map<number, Candidate[]>();
  for (const [n, candidate] of candidates.entries()) {
    const component = components.get(rootOf(n));
    if (component === undefined) components.set(rootOf(n), [candidate]);
    else component.push(candidate);
  }
  return [...components.values()];
}

function toPieces(component: readonly Candidate[]): Piece[] {
  const pieces: Piece[] = [];
  const lastUses = new Map<string, { level: number; access: Access }>();
  for (const candidate of component) {
    let level = 0;
    for (const [id, access] of candidate.items) {
      const last = lastUses.get(id);
      if (last !== undefined && last.level >= level)
        level = share(last.access, access) === undefined ? last.level + 1 : last.level;
    }
    while (pieces[level] !== undefined && !hasRoom(pieces[level]!, candidate)) level++;
    const piece = (pieces[level] ??= emptyPiece());
    piece.members.push(candidate);
    piece.bytes += candidate.bytes;
    for (const [id, access] of candidate.items) {
      piece.items.add(id);
      const last = lastUses.get(id);
      lastUses.set(id, { level, access: (last?.level === level && share(last.access, access)) || access });
    }
  }
  return pieces;
}

function hasRoom(piece: Piece, { items, bytes }: Candidate): boolean {
  let size = piece.items.size;
  for (const id of items.keys()) if (!piece.items.has(id)) size++;
  return size <= transactionLimits.items && piece.bytes + bytes <= transactionLimits.bytes;
}

interface Filling extends Piece {
  readonly after: Set<number>;
}

function spread(pieces: readonly Piece[], groups: Filling[]): number[] {
  const first = groups.length;
  const addGroup = () => groups.push({ ...emptyPiece(), after: new Set() }) - 1;
  const items = pieces.reduce((sum, piece) => sum + piece.items.size, 0);
  while ((groups.length - first) * transactionLimits.items < items) addGroup();
  return pieces.map(({ members, items, bytes }) => {
    let place: number | undefined;
    for (let n = first; n < groups.length; n++) {
      const group = groups[n]!;
      const isFull =
        group.items.size + items.size > transactionLimits.items || group.bytes + bytes > transactionLimits.bytes;
      if (!isFull && (place === undefined || group.items.size < groups[place]!.items.size)) place = n;
    }
    const group = groups[(place ??= addGroup())]!;
    group.members.push(...members);
    group.bytes += bytes;
    for (const id of items) group.items.add(id);
    return place;
  });
}

/**
 * Packs messages into a few transactions of similar size. Messages that write an item whose condition failed in the
 * previous commit are packed separately, because DynamoDB will probably cancel their transactions.
 */
export function pack(candidates: readonly Candidate[], contended: ReadonlySet<string> = new Set()): Group[] {
  const components = toComponents(candidates).map((members) => ({
    pieces: toPieces(members),
    isContended: contended.size > 0 && members.some(({ items }) => [...items.keys()].some((id) => contended.has(id))),
    last: -1,
  }));
  const groups: Filling[] = [];
  const levels = Math.max(0, ...components.map(({ pieces }) => pieces.length));
  for (let level = 0; level < levels; level++)
    for (const isContended of [false, true]) {
      const some = components.filter((each) => each.pieces.length > level && each.isContended === isContended);
      const places = spread(
        some.map(({ pieces }) => pieces[level]!),
        groups,
      );
      for (const [n, component] of some.entries()) {
        if (component.last >= 0) groups[places[n]!]!.after.add(component.last);
        component.last = places[n]!;
      }
    }
  for (const { members } of groups) members.sort((one, other) => one.index - other.index);
  return groups;
}
