import { invalidEffect } from './item.ts';
import type { Member } from './member.ts';

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
export function toGroups(members: readonly Member[]): Group[] {
  const groups: Filling[] = [];
  const lastTouch = new Map<string, { group: number; exclusive: boolean }>();
  let firstOpen = 0;
  for (const member of members) {
    let place = firstOpen;
    for (const [id, exclusive] of member.footprint) {
      const last = lastTouch.get(id);
      if (last !== undefined) place = Math.max(place, last.group);
    }
    while (place < groups.length && !fits(groups[place]!, member)) place++;
    const group = (groups[place] ??= { members: [], after: new Set(), items: new Set(), bytes: 0 });
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
