import { describe, expect, test } from '@jest/globals';
import { Table } from '../../../lib/dynamodb/tables.ts';
import { selectBranches } from '../../../lib/inbox/branches.ts';
import type { Decision } from '../../../lib/inbox/decision.ts';
import { itemId } from '../../../lib/dynamodb/item.ts';
import { toTransaction } from '../../../lib/inbox/transaction.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { candidateOf } from '../../support/candidate.ts';
import { firstAttempt } from '../../support/delivery.ts';

const scope = { queue: 'loans', name: 'p-inbox', tablePrefix: 'p-', retentionDays: 1 };
const loans = new Table({ name: 'loans', key: { isbn: 'S' } });
const add = (by: number, atLeast?: number, attribute = 'n') =>
  ({ kind: 'add', table: loans, key: { isbn: 'a' }, attribute, by, atLeast }) as const;
const candidates = (...decisions: Decision[]) =>
  decisions.map((decision, n) =>
    candidateOf({ ...firstAttempt, id: `m${n}` as MessageId, payloadHash: 'h', decision }, scope.queue),
  );
const updateOf = (...decisions: Decision[]) =>
  toTransaction(selectBranches(candidates(...decisions), new Map()).selected, {
    scope,
    markersMet: new Set(),
    fresh: { nowMs: 0, token: 'token' },
  }).writes.at(-1)?.Update;
const seen = (n?: number) =>
  new Map([[itemId('loans', { isbn: { S: 'a' } }), n === undefined ? undefined : { n: { N: `${n}` } }]]);

describe('a transaction', () => {
  test('additions of several messages to one attribute of an item become one update', () => {
    const update = updateOf({ effects: [add(2)] }, { effects: [add(-5)] }, { effects: [add(1), add(1)] });
    expect(update).toMatchObject({ TableName: 'p-loans', UpdateExpression: 'ADD #a0 :v0' });
    expect(update?.ExpressionAttributeValues).toEqual({ ':v0': { N: '-1' } });
    expect(update?.ConditionExpression).toBeUndefined();
  });

  test('if several messages add to an item in one update, the condition of the update fails if the condition of any addition would fail when the additions are applied one after another', () => {
    const needs = (...decisions: Decision[]) => updateOf(...decisions)?.ExpressionAttributeValues?.[':v1']?.N;
    expect(needs({ effects: [add(-2, 0)] }, { effects: [add(-3, 0)] })).toBe('5');
    expect(needs({ effects: [add(5)] }, { effects: [add(-3, 0)] })).toBe('-2');
    expect(needs({ effects: [add(-3, 0)] }, { effects: [add(5)] })).toBe('3');
    expect(needs({ effects: [add(-1, 10)] }, { effects: [add(-3, 0)] })).toBe('11');
    expect(needs({ effects: [add(-2, 0), add(-2, 1)] })).toBe('5');
  });

  test('the condition of an update treats a missing attribute as 0', () => {
    expect(updateOf({ effects: [add(3, 1)] })?.ConditionExpression).toBe('(attribute_not_exists(#a0) OR #a0 >= :v1)');
    expect(updateOf({ effects: [add(0, 0)] })?.ConditionExpression).toBe('(attribute_not_exists(#a0) OR #a0 >= :v1)');
    expect(updateOf({ effects: [add(-1, 0)] })?.ConditionExpression).toBe('#a0 >= :v1');
  });

  test('additions to several attributes of one item become one update', () => {
    const update = updateOf(
      { effects: [add(-1, 0), add(1, undefined, 'reserved')] },
      { effects: [add(2, undefined, 'reserved')] },
    );
    expect(update).toMatchObject({ UpdateExpression: 'ADD #a0 :v0, #a1 :v2', ConditionExpression: '#a0 >= :v1' });
    expect(update?.ExpressionAttributeValues).toMatchObject({ ':v0': { N: '-1' }, ':v2': { N: '3' } });
  });
});

describe('selecting branches', () => {
  const otherwise: Decision['otherwise'] = { outcome: 'rejected', reason: 'sold out', effects: [] };
  const take = (by: number): Decision => ({ effects: [add(-by, 0)], otherwise });
  const states = (n: number | undefined, ...decisions: Decision[]) =>
    selectBranches(candidates(...decisions), seen(n)).selected.map(({ branch }) => branch.state);

  test('selectBranches chooses the effects of a message if their condition still holds after the earlier messages, and the alternative effects ("otherwise") if not', () => {
    expect(states(5, take(3), take(4), take(2), take(1))).toEqual(['completed', 'rejected', 'completed', 'rejected']);
  });

  test('if selectBranches selects the alternative effects ("otherwise") of a message, it applies them to the item before it checks the conditions of later messages', () => {
    const giveBack: Decision = {
      effects: [add(-9, 0)],
      otherwise: { outcome: 'completed', reason: 'r', effects: [add(4)] },
    };
    expect(states(0, take(1), giveBack, take(3))).toEqual(['rejected', 'completed', 'completed']);
  });

  test('if an item does not exist, the condition of an "add" effect treats the attribute as 0', () => {
    expect(states(undefined, take(0), take(1))).toEqual(['completed', 'rejected']);
  });

  test('selectBranches returns a message as refused if the condition of its effects fails and its business rule returned no alternative effects ("otherwise")', () => {
    const { selected, refused } = selectBranches(candidates({ effects: [add(-9, 0)] }, take(1)), seen(1));
    expect(selected.map(({ candidate }) => candidate.entry.id)).toEqual(['m1']);
    expect(refused.map(({ entry }) => entry.id)).toEqual(['m0']);
  });
});

describe('itemId', () => {
  test('itemId depends on the table and the key attributes of an item, but not on the order of the attributes', () => {
    const one = itemId('t', { a: { S: '1' }, b: { N: '2' } });
    expect(itemId('t', { b: { N: '2' }, a: { S: '1' } })).toBe(one);
    expect(itemId('u', { a: { S: '1' }, b: { N: '2' } })).not.toBe(one);
    expect(itemId('t', { a: { N: '1' }, b: { N: '2' } })).not.toBe(one);
    expect(itemId('t', { a: { S: '1' }, b: { N: '3' } })).not.toBe(one);
  });
});
