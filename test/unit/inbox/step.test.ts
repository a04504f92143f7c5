import { DynamoDBServiceException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from '@jest/globals';

import { tables } from '../../support/example/tables.ts';
import type { Effect } from '../../../lib/dynamodb/effects.ts';
import type { Attributes } from '../../../lib/dynamodb/item.ts';
import { Table, type AnyTable } from '../../../lib/dynamodb/tables.ts';
import { readFailure, requestRefused, tableMissing } from '../../../lib/dynamodb/failure.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { reject, type Decision } from '../../../lib/inbox/decision.ts';
import type { Entry } from '../../../lib/inbox/inbox.ts';
import { start, step, type Reply, type State } from '../../../lib/inbox/step.ts';
import { candidateOf } from '../../support/candidate.ts';
import { firstAttempt } from '../../support/delivery.ts';

const QUEUE = 'loans';
const NOW = Date.parse('2026-03-01T12:00:00Z');
const AT = new Date(NOW).toISOString();
const scope = { queue: QUEUE, name: 'p-inbox', tablePrefix: 'p-', retentionDays: 1 };
const retryPolicy = { attempts: 3, conflicts: 3, firstDelayMs: 1, maxDelayMs: 1 };

const notices = new Table({ name: 'notices', key: { isbn: 'S' } });
const soldOut: Decision['otherwise'] = { outcome: 'rejected', reason: 'sold out', effects: [] };
const take = (isbn = 'a', table: AnyTable = tables.loans): Decision => ({
  effects: [{ kind: 'add', table, key: { isbn }, attribute: 'available', by: -1, atLeast: 0 }],
});
// Both messages write the same item: the writes 0 and 1 are their inbox markers, and the write 2 is the item.
const two = (): Record<string, Decision> => ({ a: take(), b: take() });

/** Creates the error that the AWS SDK throws after an error response of DynamoDB. */
const thrown = (name: string, message = name, status = 400) =>
  new DynamoDBServiceException({ name, message, $fault: 'client', $metadata: { httpStatusCode: status } });
const failed = (error: Error): Reply => ({ error, ...readFailure(error) });
const refused = (name: string, message?: string) => failed(thrown(name, message));
const lost = () => failed(Object.assign(new Error('no reply'), { name: 'TimeoutError' }));
const committed: Reply = { is: 'committed' };

type Reason = string | { readonly Code: string; readonly Item?: Attributes; readonly Message?: string };
const cancelled = (...reasons: Reason[]): Reply =>
  failed(
    new TransactionCanceledException({
      message: 'cancelled',
      CancellationReasons: reasons.map((reason) => (typeof reason === 'string' ? { Code: reason } : reason)),
      $metadata: {},
    }),
  );
const conditionFailed = (Item?: Attributes): Reason => ({ Code: 'ConditionalCheckFailed', Item });
const shelfOf = (available: number): Attributes => ({ isbn: { S: 'a' }, available: { N: String(available) } });
const itemOf = (state: string, attributes: Attributes = {}): Attributes => ({
  pk: { S: `${QUEUE}#a` },
  state: { S: state },
  at: { S: AT },
  payloadHash: { S: 'hash' },
  ...attributes,
});
const handedOff = (redrives: number, attempt: number, hash = 'hash'): Attributes =>
  itemOf('dead-lettered', { redrives: { N: `${redrives}` }, attempt: { N: `${attempt}` }, payloadHash: { S: hash } });
const leasedUntil = (ms: number): Attributes => itemOf('leased', { leaseExpiresAtMs: { N: String(ms) } });

interface Play {
  /** The result of each message by message id. The result of a failed message contains the error code. */
  readonly results: Record<string, string>;
  /** The error texts of the failed messages, by message id. */
  readonly errors: Record<string, string>;
  /**
   * The requests that the commit engine sent to DynamoDB, in order. `resend after 1` means that the engine sent the
   * same transaction with the same idempotency token again, after one failed attempt.
   */
  readonly did: string[];
  readonly state: State;
}

/** Runs the inbox's commit engine with simulated replies of DynamoDB. A request without a given reply succeeds. */
function play(
  decisions: Record<string, Decision>,
  replies: readonly Reply[] | ((sent: string[]) => Reply | undefined),
  options: Partial<Entry> = {},
  policy = retryPolicy,
): Play {
  const candidates = Object.entries(decisions).map(([id, decision]) =>
    candidateOf({ ...firstAttempt, id: id as MessageId, payloadHash: 'hash', decision, ...options }, QUEUE),
  );
  const did: string[] = [];
  let calls = 0;
  const fresh = () => ({ nowMs: NOW, token: `token ${++calls}` });
  let state = start(candidates, { scope, retryPolicy: policy, fresh: fresh() });
  for (let token = ''; state.pending.length > 0;) {
    did.push(
      `${state.transaction.token === token ? 'resend' : 'send'}${state.retry > 0 ? ` after ${state.retry}` : ''}`,
    );
    if (did.length > 100) throw new Error('the commit did not end: the commit engine sent more than 100 requests');
    const sent = state.transaction.selected.map(({ candidate }) => String(candidate.entry.id));
    const reply = (typeof replies === 'function' ? replies(sent) : replies[did.length - 1]) ?? committed;
    const before = structuredClone(state);
    const after = step(state, reply, fresh());
    expect(structuredClone(state)).toEqual(before);
    token = state.transaction.token;
    state = after;
  }
  const results: Record<string, string> = {};
  const errors: Record<string, string> = {};
  for (const [{ entry }, result] of state.results) {
    if ('error' in result) errors[entry.id] = result.error.message;
    const code = 'error' in result ? (result.error as { code?: string }).code : undefined;
    results[entry.id] = code === undefined ? result.is : `${result.is} ${code}`;
  }
  return { results, errors, did, state };
}

const all = (is: string) => ({ a: is, b: is });
const times = (count: number, reply: Reply) => Array.from({ length: count }, () => reply);

describe('markers', () => {
  const cases: [string, Attributes, string][] = [
    ['completed', itemOf('completed'), 'duplicate'],
    ['rejected', itemOf('rejected', { reason: { S: 'sold out' } }), 'duplicate'],
    ['completed with another payload', itemOf('completed', { payloadHash: { S: 'other' } }), 'mismatch'],
    ['retrying', itemOf('retrying', { redrives: { N: '0' }, attempt: { N: '1' } }), 'completed'],
    ['dead-lettered at this attempt', handedOff(0, 1), 'parked'],
    ['dead-lettered at a later attempt', handedOff(0, 2), 'parked'],
    ['dead-lettered after a later redrive', handedOff(1, 1), 'parked'],
    ['dead-lettered at an earlier attempt', handedOff(0, 0), 'parked'],
    ['dead-lettered before the last redrive', handedOff(-1, 1), 'completed'],
    ['dead-lettered with another payload', handedOff(0, 1, 'other'), 'completed'],
    ['leased to another environment', leasedUntil(NOW + 1), 'failed LEASED'],
    ['leased, with the lease expired', leasedUntil(NOW), 'completed'],
    ['of an unknown state', itemOf('sealed'), 'failed INVALID_ITEM'],
    ['without a state', { pk: { S: `${QUEUE}#a` } }, 'failed INVALID_ITEM'],
    ['completed with events that are not JSON', itemOf('completed', { events: { S: '{' } }), 'failed INVALID_ITEM'],
    ['completed with events that are not a list', itemOf('completed', { events: { S: '{}' } }), 'failed INVALID_ITEM'],
    ['completed with effects that are not JSON', itemOf('completed', { effects: { S: '{' } }), 'failed INVALID_ITEM'],
  ];
  test.each(cases)(
    'an inbox marker that is %s affects only the result of its own message; the other message of the transaction completes',
    (_, item, result) => {
      const { results, did } = play(two(), [cancelled(conditionFailed(item), 'None', 'None')]);
      expect(results).toEqual({ a: result, b: 'completed' });
      expect(did).toEqual(['send', 'send']);
    },
  );

  const ofOwner: [string, Attributes, string][] = [
    [
      'is leased to its owner',
      itemOf('leased', { leaseExpiresAtMs: { N: `${NOW + 1}` }, owner: { S: 'me' } }),
      'completed',
    ],
    [
      'is leased to another owner',
      itemOf('leased', { leaseExpiresAtMs: { N: `${NOW + 1}` }, owner: { S: 'you' } }),
      'failed LEASED',
    ],
    ['was leased to another owner, whose lease has expired', leasedUntil(NOW), 'completed'],
    ['was completed by another owner', itemOf('completed'), 'duplicate'],
    ['was dead-lettered at this attempt', handedOff(0, 1), 'parked'],
  ];
  test.each(ofOwner)(
    'if DynamoDB cancels a transaction because of the inbox marker of a message with a lease, the marker determines the result of the message (the message %s)',
    (_, item, result) => {
      const { results } = play({ a: take() }, [cancelled(conditionFailed(item), 'None')], { leaseOwner: 'me' });
      expect(results).toEqual({ a: result });
      const { state } = play({ a: take() }, [], { leaseOwner: 'me' });
      const { ConditionExpression, ExpressionAttributeValues, Item } = state.transaction.writes[0]!.Put!;
      expect(ConditionExpression).toContain('#state = :leased AND (#until <= :now OR #owner = :owner)');
      expect(ExpressionAttributeValues).toMatchObject({ ':owner': { S: 'me' } });
      expect(Item).toMatchObject({ state: { S: 'completed' }, owner: { S: 'me' }, events: { S: '[]' } });
    },
  );

  test('a message gets the outcome of its decision or, if the condition of its effects fails, the outcome of its alternative effects ("otherwise")', () => {
    expect(play({ a: reject('refused by the carrier') }, []).results).toEqual({ a: 'rejected' });
    const alternative = { ...take(), otherwise: { outcome: 'completed', reason: 'sold out', effects: [] } } as const;
    const { results } = play({ a: alternative }, [cancelled('None', conditionFailed(shelfOf(0)))], {
      leaseOwner: 'me',
    });
    expect(results).toEqual({ a: 'completed' });
  });

  test('the error of a message whose inbox marker cannot be read names the marker and the reason', () => {
    const { errors } = play({ a: take() }, [cancelled(conditionFailed(itemOf('sealed')), 'None')]);
    expect(errors).toEqual({ a: 'the inbox marker loans#a cannot be read: the state "sealed" is unknown' });
  });

  test('if the reply to a transaction is lost and the inbox marker of a message then cannot be read, the message stays unfinished, because DynamoDB may have committed the message', () => {
    const { results } = play(two(), [lost(), cancelled(conditionFailed(itemOf('sealed')), 'None', 'None')]);
    expect(results).toEqual({ a: 'unfinished STORE_UNAVAILABLE', b: 'completed' });
  });

  test('if DynamoDB cancels a transaction because a message has an inbox marker of a failed attempt, the next transaction may overwrite this marker, but no other marker', () => {
    const { state } = play(two(), [cancelled(conditionFailed(itemOf('retrying')), 'None', 'None')]);
    const [ofA, ofB] = state.transaction.writes.map(({ Put }) => Put?.ConditionExpression);
    expect(ofA).toContain('#state = :retrying');
    expect(ofB).toBe('attribute_not_exists(pk)');
  });

  test('if the inbox markers of two retried messages cancel one transaction after the other, the third transaction may overwrite both markers', () => {
    const retrying = conditionFailed(itemOf('retrying'));
    const { state } = play(two(), [cancelled(retrying, 'None', 'None'), cancelled('None', retrying, 'None')]);
    const conditions = state.transaction.writes.slice(0, 2).map(({ Put }) => Put?.ConditionExpression);
    expect(conditions).toEqual(Array(2).fill(expect.stringContaining('#state = :retrying')));
  });

  test('if the consumer has already found the inbox marker of a retried message, the first transaction of the commit may overwrite this marker', () => {
    const { state, did } = play({ a: take() }, [], { hasMarker: true });
    expect(state.transaction.writes[0]?.Put?.ConditionExpression).toContain('#state = :retrying');
    expect(did).toEqual(['send']);
  });

  test('if a transaction is cancelled because a message has an inbox marker, but this marker no longer exists, the commit engine sends the transaction again', () => {
    const { results, did } = play(two(), [cancelled(conditionFailed(), 'None', 'None')]);
    expect(results).toEqual(all('completed'));
    expect(did).toEqual(['send', 'send']);
  });

  test('if every attempt to take over the expired lease of a message fails on the write condition, the message fails with CONFLICT', () => {
    const expired = conditionFailed(leasedUntil(NOW));
    const { results, did } = play(two(), (sent) =>
      sent.includes('a') ? cancelled(expired, 'None', 'None') : committed,
    );
    expect(results).toEqual({ a: 'failed CONFLICT', b: 'completed' });
    expect(did).toEqual(['send', 'send', 'send after 1', 'send after 2', 'send']);
  });
});

describe('failed conditions', () => {
  const withOtherwise = { a: { ...take(), otherwise: soldOut }, b: { ...take(), otherwise: soldOut } };
  test.each([
    ['0', shelfOf(0), all('rejected')],
    ['1', shelfOf(1), { a: 'completed', b: 'rejected' }],
    ['no item', undefined, all('rejected')],
  ])(
    'with a loans of %s, each message is completed or rejected according to the condition of its effects',
    (_, item, expected) => {
      const { results, did } = play(withOtherwise, [cancelled('None', 'None', conditionFailed(item))]);
      expect(results).toEqual(expected);
      expect(did).toEqual(['send', 'send']);
    },
  );

  test('if the effects of earlier messages make the condition of a decision false and the decision has no "otherwise", the message fails with CONDITION_FAILED', () => {
    const { results, did } = play(two(), [cancelled('None', 'None', conditionFailed(shelfOf(1)))]);
    expect(results).toEqual({ a: 'completed', b: 'failed CONDITION_FAILED' });
    expect(did).toEqual(['send', 'send']);
  });

  test('if the conditions of the effects of all messages fail, the commit engine sends no further transaction', () => {
    const { results, did } = play(two(), [cancelled('None', 'None', conditionFailed(shelfOf(0)))]);
    expect(results).toEqual(all('failed CONDITION_FAILED'));
    expect(did).toEqual(['send']);
  });

  test('if the condition of one message fails and the condition of another message fails in the next transaction, the commit engine uses the alternative effects ("otherwise") of both messages', () => {
    const decisions = { a: { ...take('a'), otherwise: soldOut }, b: { ...take('b'), otherwise: soldOut } };
    const { results, did } = play(decisions, [
      cancelled('None', 'None', conditionFailed(shelfOf(0)), 'None'),
      cancelled('None', 'None', conditionFailed(shelfOf(0))),
    ]);
    expect(results).toEqual(all('rejected'));
    expect(did).toEqual(['send', 'send', 'send']);
  });

  test('if a condition fails at every attempt although the item that DynamoDB returns satisfies it, the messages fail with CONFLICT', () => {
    const { results, did } = play(withOtherwise, times(4, cancelled('None', 'None', conditionFailed(shelfOf(9)))));
    expect(results).toEqual(all('failed CONFLICT'));
    expect(did).toEqual(['send', 'send', 'send after 1', 'send after 2']);
  });

  test('if the replies to two transactions contain different states of an item, the messages are committed according to the later state', () => {
    const replies = [9, 0].map((available) => cancelled('None', 'None', conditionFailed(shelfOf(available))));
    const { results, did } = play(withOtherwise, replies);
    expect(results).toEqual(all('rejected'));
    expect(did).toEqual(['send', 'send', 'send after 1']);
  });
});

describe('effects of every kind', () => {
  const item = new Table({ name: 'loans', key: { isbn: 'S' } });
  const at = { isbn: 'a' };
  const when = { state: { equals: 'new' } };
  const kinds: [string, Effect, 'Put' | 'Update' | 'Delete' | 'ConditionCheck'][] = [
    ['put', item.put(at, { state: 'x' }, { when }), 'Put'],
    ['set', item.set(at, { state: 'x' }, { when }), 'Update'],
    ['add', item.add(at, 'n', 1, { when }), 'Update'],
    ['append', item.append(at, { lines: ['x'] }, { when }), 'Update'],
    ['delete', item.delete(at, { when }), 'Delete'],
    ['check', item.check(at, when), 'ConditionCheck'],
  ];

  test.each(kinds)(
    'the commit engine sends the effect %s with its condition, and commits the alternative effects of the message ("otherwise") if the condition fails',
    (_, effect, write) => {
      const decisions = {
        a: { effects: [effect], otherwise: soldOut },
        b: { effects: [item.add({ isbn: 'b' }, 'n', 1)] },
      };
      expect(play(decisions, []).state.transaction.writes[2]?.[write]).toMatchObject({
        TableName: 'p-loans',
        ConditionExpression: '#a0 = :v0',
        ExpressionAttributeNames: { '#a0': 'state' },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      const failing = cancelled('None', 'None', conditionFailed({ isbn: { S: 'a' }, state: { S: 'old' } }), 'None');
      expect(play(decisions, [failing])).toMatchObject({
        results: { a: 'rejected', b: 'completed' },
        did: ['send', 'send'],
      });
    },
  );

  test.each(kinds)(
    'a message with the effect %s stays unfinished if the role of the function has no permission for the table of the effect',
    (_, effect) => {
      const decisions = { a: { effects: [effect] }, b: { effects: [notices.add(at, 'n', 1)] } };
      const { results } = play(decisions, [cancelled('None', 'None', 'AccessDenied', 'None')]);
      expect(results).toEqual({ a: 'unfinished ACCESS_DENIED', b: 'completed' });
    },
  );

  test('if DynamoDB refuses the effect of a message, the error of the message names the item', () => {
    const large = { Code: 'ValidationError', Message: 'Item size to update has exceeded the maximum allowed size' };
    const effects = [item.append(at, { lines: ['x'] })];
    expect(play({ a: { effects } }, [cancelled('None', large)]).errors).toEqual({
      a: 'DynamoDB refuses the effects: the item {"isbn":"a"} of the table loans: Item size to update has exceeded the maximum allowed size',
    });
  });
});

describe('other cancellation reasons', () => {
  test('a transaction that is cancelled with TransactionConflict is sent again after a delay', () => {
    const { results, did } = play(two(), times(2, cancelled('None', 'None', 'TransactionConflict')));
    expect(results).toEqual(all('completed'));
    expect(did).toEqual(['send', 'send after 1', 'send after 2']);
  });

  test.each([
    ['TransactionConflict', 'failed CONFLICT'],
    ['ThrottlingError', 'unfinished STORE_UNAVAILABLE'],
    ['ProvisionedThroughputExceeded', 'unfinished STORE_UNAVAILABLE'],
    ['ProvisionedThroughputExceededError', 'unfinished STORE_UNAVAILABLE'],
    ['InternalServerError', 'unfinished STORE_UNAVAILABLE'],
  ])(
    'if every transaction that writes a certain item is cancelled with %s, all messages that do not write this item are completed',
    (code, result) => {
      const decisions = { a: take('hot'), b: take() };
      const onMarkerOfA = play(decisions, (sent) => (sent.includes('a') ? cancelled(code, 'None', 'None') : committed));
      const onItemOfA = play(decisions, (sent) =>
        sent.includes('a') ? cancelled('None', 'None', code, 'None') : committed,
      );
      expect(onMarkerOfA.results).toEqual({ a: result, b: 'completed' });
      expect(onItemOfA.results).toEqual({ a: result, b: 'completed' });
      expect(onItemOfA.did).toEqual(['send', 'send after 1', 'send after 2', 'send']);
    },
  );

  test('if DynamoDB keeps cancelling a transaction without giving a reason, the commit engine divides the transaction, because its size may be the cause', () => {
    const { results, did } = play(two(), (sent) => (sent.length > 1 ? cancelled('None', 'None', 'None') : committed));
    expect(results).toEqual(all('completed'));
    expect(did).toEqual(['send', 'send after 1', 'send after 2', 'send', 'send']);
  });

  test('if DynamoDB cancels every attempt of a transaction with only one message and gives no reason, the message fails with INVALID_EFFECT', () => {
    const { results } = play(two(), (sent) => (sent.includes('a') ? cancelled('None', 'None') : committed));
    expect(results).toEqual({ a: 'failed INVALID_EFFECT', b: 'completed' });
  });

  test.each(['ValidationError', 'ItemCollectionSizeLimitExceeded'])(
    'if a transaction is cancelled with %s for an item that only one message writes, only this message fails',
    (code) => {
      const { results, did } = play({ a: take('text'), b: take() }, [cancelled('None', 'None', code, 'None')]);
      expect(results).toEqual({ a: 'failed INVALID_EFFECT', b: 'completed' });
      expect(did).toEqual(['send', 'send']);
    },
  );

  test('if a transaction is cancelled with ValidationError for an item that several messages write, the commit engine splits the transaction to find the invalid messages', () => {
    const { results, did } = play({ a: take(), b: take(), c: take('c') }, (sent) =>
      sent.includes('a') || sent.includes('b') ? cancelled(...sent.map(() => 'None'), 'ValidationError') : committed,
    );
    expect(results).toEqual({ a: 'failed INVALID_EFFECT', b: 'failed INVALID_EFFECT', c: 'completed' });
    // The transactions contain a, b and c, then a and b, then a, then b, then c.
    expect(did).toEqual(['send', 'send', 'send', 'send', 'send']);
  });

  test.each([
    ['AccessDenied', 'unfinished ACCESS_DENIED'],
    ['ResourceNotFound', 'unfinished TABLE_MISSING'],
  ])(
    'if a transaction is cancelled with %s for a table, only the messages that write this table stay unfinished',
    (code, result) => {
      const { results, state } = play({ a: take('a', notices), b: take() }, [cancelled('None', 'None', code, 'None')]);
      expect(results).toEqual({ a: result, b: 'completed' });
      expect(state.unavailable).toBeUndefined();
    },
  );

  test('every message stays unfinished if its transaction is cancelled with AccessDenied for the inbox table', () => {
    const { results, state } = play(two(), [cancelled('AccessDenied', 'AccessDenied', 'None')]);
    expect(results).toEqual(all('unfinished ACCESS_DENIED'));
    expect(state.unavailable).toMatchObject({ code: 'ACCESS_DENIED', tables: ['p-inbox'] });
  });
});

describe('several reasons in one cancellation', () => {
  const three = { a: take('a'), b: take('b'), c: take('c', notices) };

  test('a message with a completed inbox marker is a duplicate, whatever the other cancellation reasons of its transaction are', () => {
    const { results, did } = play(three, [
      cancelled(
        conditionFailed(itemOf('completed')),
        'None',
        'TransactionConflict',
        'None',
        'ThrottlingError',
        'ValidationError',
      ),
    ]);
    expect(results).toEqual({ a: 'duplicate', b: 'completed', c: 'completed' });
    expect(did).toEqual(['send', 'send']);
  });

  test('if DynamoDB reports a failed condition for one message and a ValidationError for another, the next transaction contains the alternative effects ("otherwise") of the first message', () => {
    const decisions = { a: { ...take('text'), otherwise: soldOut }, b: take('b') };
    const { results, did } = play(decisions, [
      cancelled('None', 'None', conditionFailed({ available: { S: 'many' } }), 'ValidationError'),
    ]);
    expect(results).toEqual({ a: 'rejected', b: 'completed' });
    expect(did).toEqual(['send', 'send']);
  });

  test('if a transaction is cancelled with both AccessDenied and ValidationError, the next transaction omits the messages that write to the table for which access was denied', () => {
    const { results, did } = play(three, [
      cancelled('None', 'None', 'None', 'ValidationError', 'None', 'AccessDenied'),
      cancelled('None', 'None', 'ValidationError', 'None'),
    ]);
    expect(results).toEqual({ a: 'failed INVALID_EFFECT', b: 'completed', c: 'unfinished ACCESS_DENIED' });
    expect(did).toEqual(['send', 'send', 'send']);
  });

  test('when the retries of a transaction are used up, a message with a transaction conflict fails, but a message with a throttled write stays unfinished', () => {
    const { results } = play(three, (sent) =>
      sent.length === 3
        ? cancelled('None', 'None', 'None', 'TransactionConflict', 'ThrottlingError', 'None')
        : committed,
    );
    expect(results).toEqual({ a: 'failed CONFLICT', b: 'unfinished STORE_UNAVAILABLE', c: 'completed' });
  });

  test('when the retries of a transaction are used up, a message with a throttled write stays unfinished, even if another of its writes has a transaction conflict', () => {
    const { results } = play(two(), times(3, cancelled('TransactionConflict', 'None', 'ThrottlingError')));
    expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
  });

  test('if DynamoDB cancels every transaction, even one with a single message, and its ValidationError belongs to no write, every message fails with INVALID_EFFECT', () => {
    const { results } = play(two(), (sent) => cancelled(...sent.map(() => 'None'), 'None', 'ValidationError'));
    expect(results).toEqual(all('failed INVALID_EFFECT'));
  });

  test('the commit engine ignores surplus cancellation reasons, which belong to no write of the transaction', () => {
    const { results } = play(two(), [cancelled('None', 'None', 'None', 'TransactionConflict')]);
    expect(results).toEqual(all('completed'));
  });
});

describe('lost replies', () => {
  test('the commit engine sends the same transaction again if the reply of DynamoDB is lost', () => {
    const { results, did } = play(two(), [lost()]);
    expect(results).toEqual(all('completed'));
    expect(did).toEqual(['send', 'resend after 1']);
  });

  test.each([
    ['a timeout', lost()],
    ['an error of the server', failed(thrown('InternalServerError', 'x', 500))],
    ['the error that another transaction has the same token', refused('IdempotentParameterMismatchException')],
    ['a cancellation without reasons', failed(new TransactionCanceledException({ message: 'x', $metadata: {} }))],
  ])(
    'if every attempt of a transaction ends with %s, its messages stay unfinished and DynamoDB counts as unavailable',
    (_, reply) => {
      const { results, did, state } = play(two(), times(3, reply));
      expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
      expect(did).toEqual(['send', 'resend after 1', 'resend after 2']);
      expect(state.unavailable).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    },
  );

  test('if a refused transaction is split into halves and DynamoDB answers no attempt to send the first half, the commit engine does not send the second half', () => {
    const { results, did } = play(two(), [refused('ValidationException'), ...times(3, lost())]);
    expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
    expect(did).toEqual(['send', 'send', 'resend after 1', 'resend after 2']);
  });

  test('if a condition fails after a lost reply, the message stays unfinished, because DynamoDB may have committed the first attempt', () => {
    const { results } = play(two(), [lost(), cancelled('None', 'None', conditionFailed(shelfOf(1)))]);
    expect(results).toEqual({ a: 'completed', b: 'unfinished STORE_UNAVAILABLE' });
  });

  test('after a lost reply, a message with an invalid write or a transaction conflict stays unfinished and does not fail, because DynamoDB may already have committed the message', () => {
    const { results, state } = play({ a: take() }, [lost(), cancelled('None', 'ValidationError')]);
    expect(results).toEqual({ a: 'unfinished STORE_UNAVAILABLE' });
    expect([...state.results.values()]).toMatchObject([{ error: { cause: { code: 'INVALID_EFFECT' } } }]);
    const conflicts = [lost(), ...times(3, cancelled('None', 'None', 'TransactionConflict'))];
    expect(play(two(), conflicts).results).toEqual(all('unfinished STORE_UNAVAILABLE'));
  });

  test('if the reply to a transaction is lost and the repeated transaction finds the completed inbox marker of a message, the result of the message is "duplicate"', () => {
    const { results } = play(two(), [lost(), cancelled(conditionFailed(itemOf('completed')), 'None', 'None')]);
    expect(results).toEqual({ a: 'duplicate', b: 'completed' });
  });

  test('if the reply to an earlier transaction with an invalid message was lost, the message stays unfinished and does not fail, because DynamoDB may already have committed the message', () => {
    const replies = [lost(), refused('ValidationException'), lost(), committed, refused('ValidationException')];
    const { results } = play({ a: take('a'), b: take('b') }, replies);
    expect(results).toEqual({ a: 'completed', b: 'unfinished STORE_UNAVAILABLE' });
  });

  test('a reply of DynamoDB, such as a failed condition, resets the number of consecutive lost replies', () => {
    const replies = [lost(), lost(), cancelled('None', 'None', conditionFailed(shelfOf(9))), lost(), lost()];
    const { results, did } = play(two(), replies);
    expect(results).toEqual(all('completed'));
    expect(did).toEqual(['send', 'resend after 1', 'resend after 2', 'send', 'resend after 1', 'resend after 2']);
  });

  test('conflicts do not count towards the retry limit for lost replies, because a conflict shows that DynamoDB replies', () => {
    const conflicts = times(2, cancelled('None', 'None', 'TransactionConflict'));
    const { results, did } = play(two(), [...conflicts, lost(), lost()]);
    expect(results).toEqual(all('completed'));
    expect(did).toEqual(['send', 'send after 1', 'send after 2', 'resend after 3', 'resend after 4']);
    expect(play(two(), [...conflicts, ...times(3, lost())]).results).toEqual(all('unfinished STORE_UNAVAILABLE'));
  });
});

describe('requests that DynamoDB refuses temporarily', () => {
  test.each([
    ['each reply is lost', lost(), 2],
    ['DynamoDB throttles each request', refused('ThrottlingException'), 4],
    ['each transaction has a conflict', cancelled('None', 'None', 'TransactionConflict'), 4],
  ])(
    'the commit engine has one retry limit for lost replies, and another one for throttled requests and conflicts (case: %s)',
    (_, reply, count) => {
      const { did } = play(two(), times(9, reply), {}, { ...retryPolicy, attempts: 2, conflicts: 4 });
      expect(did).toHaveLength(count);
    },
  );

  test.each([
    'ThrottlingException',
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'ReplicatedWriteConflictException',
    'TransactionInProgressException',
    'TransactionConflictException',
  ])(
    'after the error %s, the commit engine sends the same transaction again until the retry limit is reached',
    (name) => {
      expect(play(two(), times(2, refused(name))).did).toEqual(['send', 'resend after 1', 'resend after 2']);
      const { results, state } = play(two(), times(3, refused(name)));
      expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
      expect(state.unavailable).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    },
  );

  test('if a condition fails when a transaction is sent again after throttling, the message fails, because the throttled request cannot have committed it', () => {
    const replies = [refused('ThrottlingException'), cancelled('None', 'None', conditionFailed(shelfOf(1)))];
    expect(play(two(), replies).results).toEqual({ a: 'completed', b: 'failed CONDITION_FAILED' });
  });
});

describe('requests that DynamoDB refuses permanently', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const five = Object.fromEntries(names.map((name) => [name, take(name)]));

  test.each([
    'ValidationException',
    'SerializationException',
    'RequestEntityTooLargeException',
    'ItemCollectionSizeLimitExceededException',
  ])(
    'if DynamoDB rejects a transaction with %s, the commit engine splits the transaction until it finds the invalid message',
    (name) => {
      const { results, did } = play(five, (sent) => (sent.includes('d') ? refused(name) : committed));
      expect(results).toEqual({
        ...Object.fromEntries(names.map((id) => [id, 'completed'])),
        d: 'failed INVALID_EFFECT',
      });
      // The transactions contain a to e, then a to c, then d and e, then d, then e.
      expect(did).toEqual(['send', 'send', 'send', 'send', 'send']);
    },
  );

  test('after isolating an invalid message, the commit engine at most doubles the size of each further transaction', () => {
    const sizes: number[] = [];
    const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`m${n}`, take(`${n}`)]));
    const { results } = play(eleven, (sent) => {
      sizes.push(sent.length);
      return sent.includes('m0') ? refused('ValidationException') : committed;
    });
    expect(results).toMatchObject({ m0: 'failed INVALID_EFFECT', m10: 'completed' });
    expect(sizes).toEqual([11, 6, 3, 2, 1, 1, 2, 4, 3]);
  });

  test('if all fifty messages of a transaction are invalid, the commit engine isolates each of them with 56 transactions in total', () => {
    const fifty = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`m${n}`, take(`${n}`)]));
    const { results, did } = play(fifty, () => refused('ValidationException'));
    expect(Object.values(results)).toEqual(Array(50).fill('failed INVALID_EFFECT'));
    expect(did).toHaveLength(56);
  });

  test('after splitting a transaction into halves and committing the first half, the commit engine discards the items that DynamoDB returned with failed conditions, because the commit may have changed these items', () => {
    const give: Decision = { effects: [tables.loans.add({ isbn: 'a' }, 'available', 1)] };
    const { results } = play({ a: give, b: { ...take(), otherwise: soldOut } }, [
      cancelled('None', 'None', conditionFailed(shelfOf(0))),
      refused('ValidationException'),
    ]);
    expect(results).toEqual(all('completed'));
  });

  test('a message that was completed before is a duplicate, even if the commit engine knows that the stored item no longer satisfies its condition', () => {
    const completedBefore = cancelled(conditionFailed(itemOf('completed')), 'None');
    const noneLeft = cancelled('None', conditionFailed(shelfOf(0)));
    expect(play(two(), [refused('ValidationException'), noneLeft, completedBefore])).toMatchObject({
      results: { a: 'failed CONDITION_FAILED', b: 'duplicate' },
      did: ['send', 'send', 'send'],
    });
    const three = { a: take(), b: take(), c: take() };
    const { results } = play(three, [
      refused('ValidationException'),
      cancelled(conditionFailed(itemOf('completed')), 'None', conditionFailed(shelfOf(0))),
      cancelled('None', conditionFailed(itemOf('completed')), conditionFailed(shelfOf(0))),
    ]);
    expect(results).toEqual({ a: 'duplicate', b: 'failed CONDITION_FAILED', c: 'duplicate' });
  });

  test('if DynamoDB rejects a transaction that only writes an inbox marker, the inbox table is reported as misconfigured and the message stays unfinished', () => {
    const error = requestRefused(['p-inbox'], new Error('The provided key element does not match the schema'));
    const { results, state } = play({ a: take() }, [{ is: 'misconfigured', error }]);
    expect(results).toEqual({ a: 'unfinished STORE_MISCONFIGURED' });
    expect(state.unavailable).toMatchObject({ code: 'STORE_MISCONFIGURED', tables: ['p-inbox'] });
  });
});

describe('wrong deployments', () => {
  const decisions = { a: take('a', notices), b: take() };
  const denied = (resource: string) =>
    refused(
      'AccessDeniedException',
      `User: x is not authorized to perform: dynamodb:UpdateItem on resource: ${resource}`,
    );

  test('if the error of DynamoDB names a table that does not exist, only the messages that write to this table stay unfinished', () => {
    const missing = refused('ResourceNotFoundException', 'Requested resource not found: Table: p-notices not found');
    expect(play(decisions, [missing])).toMatchObject({
      results: { a: 'unfinished TABLE_MISSING', b: 'completed' },
      did: ['send', 'send'],
    });
  });

  test('every message stays unfinished if the inbox table does not exist', () => {
    const { results, state } = play(decisions, [{ is: 'misconfigured', error: tableMissing(['p-inbox']) }]);
    expect(results).toEqual(all('unfinished TABLE_MISSING'));
    expect(state.unavailable).toMatchObject({ code: 'TABLE_MISSING' });
  });

  test('every message stays unfinished if DynamoDB does not say whether the inbox table or another table is missing', () => {
    const { results, did } = play(decisions, [{ is: 'misconfigured', error: tableMissing(['p-notices', 'p-inbox']) }]);
    expect(results).toEqual(all('unfinished TABLE_MISSING'));
    expect(did).toEqual(['send']);
  });

  test('messages stay unfinished if the role of the function has no permission for a table that they write', () => {
    expect(play(decisions, [denied('arn:aws:dynamodb:eu-central-1:1:table/p-notices')]).results).toEqual({
      a: 'unfinished ACCESS_DENIED',
      b: 'completed',
    });
  });

  test.each([
    ['a permission whose error names no table', denied('*'), 'ACCESS_DENIED'],
    ['valid credentials', refused('UnrecognizedClientException'), 'STORE_MISCONFIGURED'],
    ['an operation that DynamoDB knows', refused('UnknownOperationException'), 'STORE_MISCONFIGURED'],
  ])('every message stays unfinished if the deployment lacks %s', (_, reply, code) => {
    const { results, did, state } = play(decisions, [reply]);
    expect(results).toEqual(all(`unfinished ${code}`));
    expect(did).toEqual(['send']);
    expect(state.unavailable).toMatchObject({ code });
  });
});

describe('aborted commits', () => {
  const stopped: Reply = { is: 'stopped', error: Object.assign(new Error('time is up'), { code: 'TIME' }) };

  test('if a commit is aborted, the messages without a result stay unfinished, and the aborted commit does not count as a failure of DynamoDB', () => {
    const { results, state } = play(two(), [cancelled('None', 'None', 'TransactionConflict'), stopped]);
    expect(results).toEqual(all('unfinished TIME'));
    expect(state.unavailable).toBeUndefined();
  });

  test('if a refused transaction is split into halves and the commit is aborted before the first half is committed, the messages of both halves stay unfinished', () => {
    const { results } = play(two(), [refused('ValidationException'), stopped]);
    expect(results).toEqual(all('unfinished TIME'));
  });

  test('if a commit is aborted while a failed transaction is being split into halves, messages with a result keep it, and the others stay unfinished', () => {
    const { results } = play({ a: take('a'), b: take('b'), c: take('c') }, [
      refused('ValidationException'),
      committed,
      stopped,
    ]);
    expect(results).toEqual({ a: 'completed', b: 'completed', c: 'unfinished TIME' });
  });
});

test.each<[string, Reply, Reply[]]>([
  ['the transaction is invalid', refused('ValidationException'), []],
  ['every reply is lost', lost(), times(2, lost())],
  ['the message is throttled', cancelled('None', 'ThrottlingError'), times(2, cancelled('None', 'ThrottlingError'))],
  ['no reason is known', cancelled('None', 'None'), times(2, cancelled('None', 'None'))],
])(
  'if a message is not committed because %s, the cause of its error is the last error of DynamoDB',
  (_, first, more) => {
    const replies = [first, ...more];
    const [result] = play({ a: take() }, replies).state.results.values();
    expect(result).toHaveProperty('error.cause', (replies.at(-1) as { error?: unknown }).error);
  },
);

test('a commit of no messages sends no request to DynamoDB', () => {
  expect(play({}, []).did).toEqual([]);
});
