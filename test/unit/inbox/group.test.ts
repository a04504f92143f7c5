import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fault, toGroups, transactionLimits } from '../../../lib/inbox/group.ts';
import type { Member } from '../../../lib/inbox/member.ts';

/** A message that adds to some items and puts others. */
function aMember(
  index: number,
  adds: readonly (string | number)[],
  puts: readonly (string | number)[] = [],
  bytes = 1_000,
) {
  const footprint = new Map<string, boolean>([[`marker ${index}`, true]]);
  for (const id of adds) footprint.set(`item ${id}`, false);
  for (const id of puts) footprint.set(`item ${id}`, true);
  const operations = { length: adds.length + puts.length };
  return { index, footprint, bytes, options: [{ operations }] } as unknown as Member;
}
const shape = (members: Member[]) => toGroups(members).map((group) => group.members.map(({ index }) => index));

describe('grouping', () => {
  test('needs two transactions for a hundred messages on ten items', () => {
    expect(toGroups(Array.from({ length: 100 }, (_, n) => aMember(n, [n % 10])))).toHaveLength(2);
  });

  test('fills transactions one after another where all share an item', () => {
    const groups = toGroups(Array.from({ length: 150 }, (_, n) => aMember(n, ['hot'])));
    expect(groups.map((group) => group.members.length)).toEqual([99, 51]);
    expect(groups.map(({ after }) => [...after])).toEqual([[], [0]]);
  });

  test('lets groups that share nothing run side by side', () => {
    const members = Array.from({ length: 120 }, (_, n) => aMember(n, [`of ${n}`]));
    expect(toGroups(members).map(({ after }) => [...after])).toEqual([[], [], []]);
  });

  test('keeps a put from whatever else touches its item, in order', () => {
    expect(shape([aMember(0, ['a']), aMember(1, [], ['a']), aMember(2, ['a']), aMember(3, ['b'])])).toEqual([
      [0, 3],
      [1],
      [2],
    ]);
  });

  test('keeps below four megabytes', () => {
    expect(shape([1, 2, 3].map((n) => aMember(n, [n], [], 1_500_000)))).toEqual([[1, 2], [3]]);
  });

  test('tells which message is too large for any transaction', () => {
    expect(
      fault(
        aMember(
          0,
          Array.from({ length: 99 }, (_, n) => n),
        ),
      ),
    ).toBeUndefined();
    expect(
      fault(
        aMember(
          0,
          Array.from({ length: 100 }, (_, n) => n),
        ),
      ),
    ).toMatchObject({ code: 'INVALID_EFFECT' });
    expect(fault(aMember(0, [], [], 4_000_001))).toMatchObject({ code: 'INVALID_EFFECT' });
  });

  test('holds its limits and the order of all who share an item, whatever comes', () => {
    const few = fc.uniqueArray(fc.nat({ max: 400 }), { maxLength: 3 });
    const many = fc.uniqueArray(fc.nat({ max: 30 }), { maxLength: 12 });
    const bytes = fc.nat({ max: 900_000 });
    const message = (ids: typeof few) => fc.record({ adds: ids, puts: ids, bytes });
    const some = (ids: typeof few) => fc.array(message(ids), { maxLength: 150, size: 'max' });
    fc.assert(
      fc.property(fc.oneof(some(few), some(many)), (messages) => {
        const members = messages.map(({ adds, puts, bytes }, n) => aMember(n, adds, puts, bytes));
        const groups = toGroups(members);
        const groupOf = new Map(groups.flatMap((group, g) => group.members.map(({ index }) => [index, g] as const)));
        expect(groupOf.size).toBe(members.length);
        // All groups that end before each one begins.
        const before: Set<number>[] = [];
        for (const [g, group] of groups.entries()) {
          const reached = new Set(group.after);
          for (const one of group.after) {
            expect(one).toBeLessThan(g);
            for (const other of before[one]!) reached.add(other);
          }
          before.push(reached);
        }
        for (const group of groups) {
          expect(group.members.map(({ index }) => index)).toEqual(
            group.members.map(({ index }) => index).toSorted((a, b) => a - b),
          );
          expect(new Set(group.members.flatMap(({ footprint }) => [...footprint.keys()])).size).toBeLessThanOrEqual(
            transactionLimits.items,
          );
          expect(group.members.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(transactionLimits.bytes);
        }
        for (const [n, member] of members.entries()) {
          for (const earlier of members.slice(Math.max(0, n - 15), n)) {
            for (const [id, exclusive] of member.footprint) {
              const shared = earlier.footprint.get(id);
              if (shared === undefined) continue;
              const [one, other] = [groupOf.get(earlier.index)!, groupOf.get(n)!];
              const inOrder = one === other ? !exclusive && !shared : before[other]!.has(one);
              if (!inOrder) throw new Error(`${earlier.index} and ${n} both touch ${id}`);
            }
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});
