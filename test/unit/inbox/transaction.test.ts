import { describe, expect, test } from '@jest/globals';
import { tables } from '../../../infra/tables.ts';
import { choose } from '../../../lib/inbox/choose.ts';
import type { Decision } from '../../../lib/inbox/decision.ts';
import { itemId } from '../../../lib/dynamodb/item.ts';
import { toMember } from '../../../lib/inbox/member.ts';
import { toTransaction } from '../../../lib/inbox/transaction.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { firstAttempt } from '../../support/first-attempt.ts';

const scope = { queue: 'stock', tablePrefix: 'p-', retentionDays: 1 };
const add = (by: number, atLeast?: number, attribute = 'n') =>
  ({ kind: 'add', table: tables.stock, key: { sku: 'a' }, attribute, by, atLeast }) as const;
const members = (...decisions: Decision[]) =>
  decisions.map((decision, n) =>
    toMember(n, { ...firstAttempt, id: `m${n}` as MessageId, payloadHash: 'h', decision }, `marker ${n}`),
  );
const all = (...decisions: Decision[]) => choose(members(...decisions), new Map()).chosen;
const updateOf = (...decisions: Decision[]) =>
  toTransaction(all(...decisions), scope, 0).input.TransactItems?.at(-1)?.Update;
const seen = (n?: number) =>
  new Map([[itemId('stock', { sku: { S: 'a' } }), n === undefined ? undefined : { n: { N: `${n}` } }]]);

describe('one transaction', () => {
  test('adds up what many messages add to one attribute', () => {
    const update = updateOf({ effects: [add(2)] }, { effects: [add(-5)] }, { effects: [add(1), add(1)] });
    expect(update).toMatchObject({ TableName: 'p-stock', UpdateExpression: 'ADD #a0 :by0' });
    expect(update?.ExpressionAttributeValues).toEqual({ ':by0': { N: '-1' } });
    expect(update?.ConditionExpression).toBeUndefined();
  });

  test('asks for as much as the messages need one after another', () => {
    const needs = (...decisions: Decision[]) => updateOf(...decisions)?.ExpressionAttributeValues?.[':needs0']?.N;
    expect(needs({ effects: [add(-2, 0)] }, { effects: [add(-3, 0)] })).toBe('5');
    expect(needs({ effects: [add(5)] }, { effects: [add(-3, 0)] })).toBe('-2');
    expect(needs({ effects: [add(-3, 0)] }, { effects: [add(5)] })).toBe('3');
    expect(needs({ effects: [add(-1, 10)] }, { effects: [add(-3, 0)] })).toBe('11');
    expect(needs({ effects: [add(-2, 0), add(-2, 1)] })).toBe('5');
  });

  test('lets a missing attribute pass where nought is enough, and only there', () => {
    expect(updateOf({ effects: [add(3, 1)] })?.ConditionExpression).toBe(
      '(attribute_not_exists(#a0) OR #a0 >= :needs0)',
    );
    expect(updateOf({ effects: [add(0, 0)] })?.ConditionExpression).toBe(
      '(attribute_not_exists(#a0) OR #a0 >= :needs0)',
    );
    expect(updateOf({ effects: [add(-1, 0)] })?.ConditionExpression).toBe('#a0 >= :needs0');
  });

  test('changes several attributes of one item in one operation', () => {
    const update = updateOf(
      { effects: [add(-1, 0), add(1, undefined, 'reserved')] },
      { effects: [add(2, undefined, 'reserved')] },
    );
    expect(update).toMatchObject({ UpdateExpression: 'ADD #a0 :by0, #a1 :by1', ConditionExpression: '#a0 >= :needs0' });
    expect(update?.ExpressionAttributeValues).toMatchObject({ ':by0': { N: '-1' }, ':by1': { N: '3' } });
  });
});

describe('choosing among alternatives', () => {
  const otherwise: Decision['otherwise'] = { outcome: 'rejected', reason: 'sold out', effects: [] };
  const take = (by: number): Decision => ({ effects: [add(-by, 0)], otherwise });
  const states = (n: number | undefined, ...decisions: Decision[]) =>
    choose(members(...decisions), seen(n)).chosen.map(({ option }) => option.state);

  test('admits those that fit, in order', () => {
    expect(states(5, take(3), take(4), take(2), take(1))).toEqual(['completed', 'rejected', 'completed', 'rejected']);
  });

  test('counts what an alternative adds for those behind it', () => {
    const restock: Decision = {
      effects: [add(-9, 0)],
      otherwise: { outcome: 'completed', reason: 'r', effects: [add(4)] },
    };
    expect(states(0, take(1), restock, take(3))).toEqual(['rejected', 'completed', 'completed']);
  });

  test('takes a missing item for nought', () => {
    expect(states(undefined, take(0), take(1))).toEqual(['completed', 'rejected']);
  });

  test('refuses a message that has no option left', () => {
    const { chosen, refused } = choose(members({ effects: [add(-9, 0)] }, take(1)), seen(1));
    expect(chosen.map(({ member }) => member.index)).toEqual([1]);
    expect(refused.map(({ index }) => index)).toEqual([0]);
  });
});

describe('telling items apart', () => {
  test('does not mind the order of key attributes, but minds table, name, type and value', () => {
    const one = itemId('t', { a: { S: '1' }, b: { N: '2' } });
    expect(itemId('t', { b: { N: '2' }, a: { S: '1' } })).toBe(one);
    expect(itemId('u', { a: { S: '1' }, b: { N: '2' } })).not.toBe(one);
    expect(itemId('t', { a: { N: '1' }, b: { N: '2' } })).not.toBe(one);
    expect(itemId('t', { a: { S: '1' }, b: { N: '3' } })).not.toBe(one);
  });
});
