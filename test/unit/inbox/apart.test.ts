import { describe, expect, test } from '@jest/globals';

import { toGroups, transactionLimits } from '../../../lib/inbox/group.ts';
import { createScarce } from '../../../lib/inbox/scarce.ts';
import type { Member } from '../../../lib/inbox/member.ts';

/** A message that adds to one item. */
const aMember = (index: number, item: string): Member => {
  const footprint = new Map([
    [`marker ${index}`, true],
    [item, false],
  ]);
  return { index, footprint, bytes: 1_000, options: [{ operations: { length: 1 } }] } as unknown as Member;
};

const membersOn = (count: number, items: number) =>
  Array.from({ length: count }, (_, n) => aMember(n, `item ${n % items}`));

const indexesOf = (group: { members: readonly Member[] }) => group.members.map(({ index }) => index);

describe('groups that have nothing in common', () => {
  test('are of a size, so that none waits for the other', () => {
    const groups = toGroups(membersOn(100, 10));
    expect(groups.map(({ members, after }) => [members.length, after.size])).toEqual([
      [50, 0],
      [50, 0],
    ]);
  });

  test('run side by side also where each item is too much for one transaction', () => {
    const groups = toGroups(membersOn(1_000, 10));
    expect(groups.slice(0, 10).every(({ after }) => after.size === 0)).toBe(true);
    expect(groups).toHaveLength(11);
    expect([...groups[10]!.after].toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('begin with the first part of every item, so that no slot is kept by one that waits', () => {
    const groups = toGroups(membersOn(5_000, 10));
    for (const [place, { after }] of groups.entries()) for (const before of after) expect(before).toBeLessThan(place);
    expect(groups.slice(0, 10).every(({ after }) => after.size === 0)).toBe(true);
    expect(new Set(groups.flatMap(indexesOf)).size).toBe(5_000);
  });
});

describe('messages on a scarce item', () => {
  test('have a transaction of their own', () => {
    const scarce = createScarce();
    scarce.note('item 3', undefined);
    const groups = toGroups(membersOn(50, 5), scarce);
    const apart = groups.filter(({ members }) => members.some(({ footprint }) => footprint.has('item 3')));
    expect(apart).toHaveLength(1);
    expect(apart[0]!.members).toHaveLength(10);
    expect(groups).toHaveLength(2);
  });

  test('still fit their transactions', () => {
    const scarce = createScarce();
    for (let n = 0; n < 100; n += 1) scarce.note(`item ${n}`, undefined);
    const groups = toGroups(membersOn(400, 100), scarce);
    for (const { members } of groups)
      expect(new Set(members.flatMap(({ footprint }) => [...footprint.keys()])).size).toBeLessThanOrEqual(
        transactionLimits.items,
      );
  });

  test('are forgotten, the oldest first', () => {
    const scarce = createScarce();
    for (let n = 0; n <= 100; n += 1) scarce.note(`item ${n}`, undefined);
    expect(scarce.has('item 0')).toBe(false);
    expect(scarce.has('item 1')).toBe(true);
    expect(scarce.has('item 100')).toBe(true);
  });
});
