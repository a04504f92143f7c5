import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { Table } from '../../../lib/dynamodb/tables.ts';
import { itemId } from '../../../lib/dynamodb/item.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { share } from '../../../lib/inbox/access.ts';
import { transactionLimits, type Candidate } from '../../../lib/inbox/candidate.ts';
import type { Effect } from '../../../lib/dynamodb/effects.ts';
import { pack } from '../../../lib/inbox/pack.ts';
import { candidateOf } from '../../support/candidate.ts';
import { firstAttempt } from '../../support/delivery.ts';

type Name = string | number;
const loans = new Table({ name: 'loans', key: { isbn: 'S' } });

function aCandidate(index: number, adds: readonly Name[], puts: readonly Name[] = [], text = ''): Candidate {
  const key = (name: Name) => ({ isbn: `item ${name}` });
  const effects: Effect[] = [
    ...adds.map((name) => ({ kind: 'add', table: loans, key: key(name), attribute: 'n', by: 1 }) as const),
    ...puts.map((name) => ({ kind: 'put', table: loans, key: key(name), item: { text } }) as const),
  ];
  const id = `m${index}` as MessageId;
  return candidateOf({ ...firstAttempt, id, payloadHash: 'hash', decision: { effects } }, 'loans');
}

const indexOf = ({ entry }: Candidate): number => Number(entry.id.slice(1));

const candidates = (count: number, itemsOf: (n: number) => readonly Name[]) =>
  Array.from({ length: count }, (_, n) => aCandidate(n, itemsOf(n)));
const sizes = (of: readonly Candidate[]) => pack(of).map(({ members, after }) => [members.length, [...after]]);
const shape = (of: readonly Candidate[]) => pack(of).map(({ members }) => members.map(indexOf));

describe('packing', () => {
  test('if each of a hundred messages writes one of ten items, pack() returns two equally large transactions, which can be sent concurrently', () => {
    expect(sizes(candidates(100, (n) => [n % 10]))).toEqual([
      [50, []],
      [50, []],
    ]);
  });

  test('long types, correlation ids and lists of failed attempts in inbox markers do not change how many messages fit into one transaction', () => {
    const failed = {
      attempt: 1,
      at: '2026-11-22T12:00:00.000Z',
      delayMs: 1_000,
      code: 'BOOM',
      message: 'x'.repeat(200),
    };
    const failedAttempts = Array.from({ length: 99 }, () => failed);
    const facts = { type: 'é'.repeat(255), correlationId: '語'.repeat(255), failedAttempts };
    const described = Array.from({ length: 100 }, (_, index) =>
      candidateOf(
        { ...firstAttempt, id: `m${index}` as MessageId, payloadHash: 'hash', facts, decision: { effects: [] } },
        'loans',
      ),
    );
    expect(sizes(described)).toEqual([[100, []]]);
    const bytes = described.reduce((sum, candidate) => sum + candidate.bytes, 0);
    expect(bytes).toBeLessThan(transactionLimits.bytes / 5);
  });

  test('if all messages write the same item, pack puts as many messages as possible into each transaction, and the transactions are sent one after another', () => {
    expect(sizes(candidates(150, () => ['hot']))).toEqual([
      [99, []],
      [51, [0]],
    ]);
  });

  test('if no two messages write the same item, pack creates transactions that can be sent concurrently', () => {
    expect(sizes(candidates(120, (n) => [n])).map(([, after]) => after)).toEqual([[], [], []]);
  });

  test('if each of ten items is written by 100 messages, of which a transaction holds 99, pack() puts the last message of every item into one common transaction', () => {
    const groups = pack(candidates(1_000, (n) => [n % 10]));
    expect(groups).toHaveLength(11);
    expect(groups.slice(0, 10).every(({ after }) => after.size === 0)).toBe(true);
    expect([...groups[10]!.after].toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('if each of ten items is written by more messages than fit into one transaction, pack() returns the first transaction for every item before the second transaction for any item', () => {
    const groups = pack(candidates(5_000, (n) => [n % 10]));
    expect(groups.slice(0, 10).every(({ after }) => after.size === 0)).toBe(true);
    for (const [index, { after }] of groups.entries()) for (const before of after) expect(before).toBeLessThan(index);
    expect(new Set(groups.flatMap(({ members }) => members.map(indexOf))).size).toBe(5_000);
  });

  test('pack never puts messages that write a contended item into the same transaction as messages that write other items', () => {
    const contended = new Set([itemId('loans', { isbn: { S: 'item 3' } })]);
    const groups = pack(
      candidates(50, (n) => [n % 5]),
      contended,
    );
    const items = groups.map(({ members }) => new Set(members.map((member) => indexOf(member) % 5)));
    expect(items).toEqual([new Set([0, 1, 2, 4]), new Set([3])]);
    expect(groups.every(({ after }) => after.size === 0)).toBe(true);
  });

  test('pack() never places a put of an item in the same transaction as another write of this item', () => {
    const puts = [aCandidate(0, ['a']), aCandidate(1, [], ['a']), aCandidate(2, ['a']), aCandidate(3, ['b'])];
    expect(shape(puts)).toEqual([[0, 3], [1], [2]]);
  });

  test('the function pack creates no transaction larger than 4 MB', () => {
    const text = 'x'.repeat(380_000);
    const large = Array.from({ length: 3 }, (_, n) =>
      aCandidate(
        n,
        [],
        [0, 1, 2, 3].map((item) => `${n} ${item}`),
        text,
      ),
    );
    expect(shape(large).map(({ length }) => length)).toEqual([2, 1]);
  });

  test('a message fails with INVALID_EFFECT if it writes more items than DynamoDB accepts in one transaction', () => {
    const items = (count: number) => Array.from({ length: count }, (_, n) => n);
    expect(() => aCandidate(0, items(99))).not.toThrow();
    expect(() => aCandidate(0, items(100))).toThrow(expect.objectContaining({ code: 'INVALID_EFFECT' }));
  });

  test('a message fails with INVALID_EFFECT if it writes more bytes than DynamoDB accepts in one transaction', () => {
    const puts = Array.from({ length: 11 }, (_, n) => n);
    expect(() => aCandidate(0, [], puts, 'x'.repeat(380_000))).toThrow(
      expect.objectContaining({ code: 'INVALID_EFFECT' }),
    );
  });

  test('pack creates transactions within the limits of DynamoDB and keeps the order of the messages that write the same item', () => {
    const few = fc.uniqueArray(fc.nat({ max: 400 }), { maxLength: 6 });
    const many = fc.uniqueArray(fc.nat({ max: 30 }), { maxLength: 12 });
    const bytes = fc.nat({ max: 900_000 });
    // A message adds to the first half of its items and puts the second half.
    const message = (ids: typeof few) => fc.record({ ids, bytes });
    const some = (ids: typeof few) => fc.array(message(ids), { maxLength: 150, size: 'max' });
    fc.assert(
      fc.property(fc.oneof(some(few), some(many)), (messages) => {
        const all = messages.map(({ ids, bytes }, n) => {
          const middle = Math.ceil(ids.length / 2);
          return { ...aCandidate(n, ids.slice(0, middle), ids.slice(middle)), bytes };
        });
        const groups = pack(all);
        const groupOf = new Map(
          groups.flatMap(({ members }, g) => members.map((member) => [indexOf(member), g] as const)),
        );
        expect(groupOf.size).toBe(all.length);
        // For each transaction: the transactions that end before it begins.
        const before: Set<number>[] = [];
        for (const [g, { after }] of groups.entries()) {
          const reached = new Set(after);
          for (const one of after) {
            expect(one).toBeLessThan(g);
            for (const other of before[one]!) reached.add(other);
          }
          before.push(reached);
        }
        for (const { members } of groups) {
          const indexes = members.map(indexOf);
          expect(indexes).toEqual(indexes.toSorted((one, other) => one - other));
          const items = new Set(members.flatMap((member) => [...member.items.keys()]));
          expect(items.size).toBeLessThanOrEqual(transactionLimits.items);
          expect(members.reduce((sum, member) => sum + member.bytes, 0)).toBeLessThanOrEqual(transactionLimits.bytes);
        }
        for (const [n, { items }] of all.entries()) {
          for (const earlier of all.slice(Math.max(0, n - 15), n)) {
            for (const [id, access] of items) {
              const shared = earlier.items.get(id);
              if (shared === undefined) continue;
              const [one, other] = [groupOf.get(indexOf(earlier))!, groupOf.get(n)!];
              const isInOrder = one === other ? share(access, shared) !== undefined : before[other]!.has(one);
              if (!isInOrder)
                throw new Error(
                  `the messages ${indexOf(earlier)} and ${n}, which both write ${id}, are not committed in order`,
                );
            }
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});
