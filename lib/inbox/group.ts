import { invalidEffect } from '../dynamodb/item.ts';
import { toComponents } from './component.ts';
import type { Component } from './component.ts';
import type { Member } from './member.ts';
import type { Scarce } from './scarce.ts';

/** Messages whose markers and effects fit one transaction, whichever of their alternatives are taken. */
export interface Group {
  readonly members: Member[];
  /** Groups (by index, all before this one) that share an item with it and go first. */
  readonly after: Set<number>;
}

/** DynamoDB takes 100 items and 4 MiB per transaction; sizes are estimates, so some room is left. */
export const transactionLimits = { items: 100, bytes: 4_000_000 } as const;

interface Filling extends Group {
  readonly items: Set<string>;
  bytes: number;
}

const aGroup = (): Filling => ({ members: [], after: new Set(), items: new Set(), bytes: 0 });

/** Tells whether a message fits a transaction of its own; the error says why not. */
export function fault({ footprint, options, bytes }: Member): Error | undefined {
  const items = 1 + Math.max(...options.map(({ operations }) => operations.length));
  if (items > transactionLimits.items) {
    return invalidEffect(`the effects touch ${items - 1} items; one message can change ${transactionLimits.items - 1}`);
  }
  if (bytes <= transactionLimits.bytes) return undefined;
  return invalidEffect(`the effects on ${footprint.size} items have ${bytes} bytes, over ${transactionLimits.bytes}`);
}

function fits(group: Filling, { footprint, bytes }: Member): boolean {
  if (group.members.length === 0) return true;
  if (group.bytes + bytes > transactionLimits.bytes) return false;
  let items = group.items.size;
  for (const id of footprint.keys()) if (!group.items.has(id)) items++;
  return items <= transactionLimits.items;
}

/**
 * Puts messages into as few transactions as first-fit finds, so that whoever shares an item stays in order: additions may
 * share a transaction, a put has its item for itself.
 */
function chain(members: readonly Member[]): Filling[] {
  const groups: Filling[] = [];
  const lastTouch = new Map<string, { group: number; exclusive: boolean }>();
  let firstOpen = 0;
  for (const member of members) {
    let place = firstOpen;
    for (const [id, exclusive] of member.footprint) {
      const last = lastTouch.get(id);
      if (last !== undefined) place = Math.max(place, exclusive || last.exclusive ? last.group + 1 : last.group);
    }
    while (place < groups.length && !fits(groups[place]!, member)) place++;
    const group = (groups[place] ??= aGroup());
    for (const [id, exclusive] of member.footprint) {
      const last = lastTouch.get(id);
      if (last !== undefined && last.group !== place) group.after.add(last.group);
      if (last?.group !== place) lastTouch.set(id, { group: place, exclusive });
      group.items.add(id);
    }
    group.members.push(member);
    group.bytes += member.bytes;
    while (firstOpen < groups.length && groups[firstOpen]!.items.size >= transactionLimits.items) firstOpen++;
  }
  return groups;
}

/** What shares a transaction, and the groups that it must not overtake. */
interface Piece extends Pick<Component, 'members' | 'items' | 'bytes'> {
  readonly after?: Iterable<number>;
}

/** Puts each piece into the emptiest of `groups` that takes it whole, or of those that it adds, so that they are of a size. */
function spread(pieces: readonly Piece[], groups: Filling[] = []): Filling[] {
  let items = 0;
  for (const each of [...groups, ...pieces]) items += each.items.size;
  while (groups.length * transactionLimits.items < items) groups.push(aGroup());
  for (const { members, items, bytes, after = [] } of pieces) {
    let place: Filling | undefined;
    for (const group of groups) {
      const isFull =
        group.items.size + items.size > transactionLimits.items || group.bytes + bytes > transactionLimits.bytes;
      if (!isFull && (place === undefined || group.items.size < place.items.size)) place = group;
    }
    if (place === undefined) groups.push((place = aGroup()));
    for (const id of items) place.items.add(id);
    for (const before of after) place.after.add(before);
    place.members.push(...members);
    place.bytes += bytes;
  }
  return groups;
}

/**
 * Adds to `groups` what is too much for one transaction. Each component fills some of its own, the first of every component
 * before the second of any, so that they run side by side; what is left of each shares one with the others.
 */
function cutUp(components: readonly Component[], groups: Filling[]): void {
  const chains = components.map(({ members }) => chain(members));
  const places = chains.map((): number[] => []);
  const rests: Piece[] = [];
  const longest = Math.max(0, ...chains.map(({ length }) => length));
  for (let n = 0; n < longest; n++) {
    for (const [index, each] of chains.entries()) {
      const group = each[n];
      if (group === undefined) continue;
      const moved = { ...group, after: new Set(Array.from(group.after, (before) => places[index]![before]!)) };
      if (n === each.length - 1) rests.push(moved);
      else places[index]!.push(groups.push(moved) - 1);
    }
  }
  groups.push(...spread(rests));
}

/**
 * Puts messages into few transactions. Those that have no item in common, not even through others, go where they can run
 * side by side, and those on scarce items apart from the rest; whoever shares one stays in order.
 */
export function toGroups(members: readonly Member[], scarce?: Pick<Scarce, 'has'>): Group[] {
  const torn: Member[] = [];
  const [whole, apart, tooLarge]: [Component[], Component[], Component[]] = [[], [], []];
  for (const component of toComponents(members)) {
    const isTooLarge = component.items.size > transactionLimits.items || component.bytes > transactionLimits.bytes;
    if (component.isTorn) torn.push(...component.members);
    else if (isTooLarge) tooLarge.push(component);
    else if (scarce !== undefined && [...component.items].some((id) => scarce.has(id))) apart.push(component);
    else whole.push(component);
  }
  const groups = spread(whole, chain(torn.toSorted((one, other) => one.index - other.index)));
  groups.push(...spread(apart));
  cutUp(tooLarge, groups);
  for (const group of groups) group.members.sort((one, other) => one.index - other.index);
  return groups;
}
