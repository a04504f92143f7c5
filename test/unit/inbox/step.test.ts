import { DynamoDBServiceException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from '@jest/globals';

import { tables } from '../../../infra/tables.ts';
import type { Attributes } from '../../../lib/dynamodb/item.ts';
import { readFailure } from '../../../lib/dynamodb/failure.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { toCandidate } from '../../../lib/inbox/candidate.ts';
import type { Decision } from '../../../lib/inbox/decision.ts';
import type { Entry, Marker } from '../../../lib/inbox/inbox.ts';
import type { Next, Reply, State } from '../../../lib/inbox/state.ts';
import { firstStep, step } from '../../../lib/inbox/step.ts';
import { firstAttempt } from '../../support/first-attempt.ts';

const QUEUE = 'stock';
const NOW = Date.parse('2026-03-01T12:00:00Z');
const AT = new Date(NOW).toISOString();
const scope = { queue: QUEUE, name: 'p-inbox', tablePrefix: 'p-', retentionDays: 1 };
const retryPolicy = { attempts: 3, conflicts: 3, firstDelayMs: 1, maxDelayMs: 1 };

const soldOut: Decision['otherwise'] = { outcome: 'rejected', reason: 'sold out', effects: [] };
const take = (sku = 'a', table = tables.stock): Decision => ({
  effects: [{ kind: 'add', table, key: { sku }, attribute: 'available', by: -1, atLeast: 0 }],
});
/** Two messages on one item: their markers have positions 0 and 1, the item has position 2. */
const two = (): Record<string, Decision> => ({ a: take(), b: take() });

/** What DynamoDB throws; the SDK has no class for some of these. */
const thrown = (name: string, message = name, status = 400) =>
  new DynamoDBServiceException({ name, message, $fault: 'client', $metadata: { httpStatusCode: status } });
const failed = (error: Error): Reply => ({ is: 'failed', failure: readFailure(error), error });
const refused = (name: string, message?: string) => failed(thrown(name, message));
const lost = () => failed(Object.assign(new Error('no reply'), { name: 'TimeoutError' }));
const committed: Reply = { is: 'committed' };

type Reason = string | { readonly Code: string; readonly Item?: Attributes };
const cancelled = (...reasons: Reason[]): Reply =>
  failed(
    new TransactionCanceledException({
      message: 'cancelled',
      CancellationReasons: reasons.map((reason) => (typeof reason === 'string' ? { Code: reason } : reason)),
      $metadata: {},
    }),
  );
const conditionFailed = (Item?: Attributes): Reason => ({ Code: 'ConditionalCheckFailed', Item });
const stockOf = (available: number): Attributes => ({ sku: { S: 'a' }, available: { N: String(available) } });
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
  /** Result of each message by id: what it is, with the code of its error. */
  readonly results: Record<string, string>;
  /** What the engine asked for, with the number of attempts before it. */
  readonly did: string[];
  readonly last: Extract<Next, { do: 'done' }>;
  /** The last transaction. */
  readonly state: State;
}

const accepted: Reply = { is: 'markerWrites', error: undefined };

/** Plays DynamoDB: gives these replies, one per request; without a reply it commits the transaction, or accepts a marker. */
function play(
  decisions: Record<string, Decision>,
  replies: readonly Reply[] | ((sent: string[]) => Reply | undefined),
  options: Partial<Entry> = {},
): Play {
  const candidates = Object.entries(decisions).map(([id, decision], index) =>
    toCandidate(index, { ...firstAttempt, id: id as MessageId, payloadHash: 'hash', decision, ...options }, QUEUE),
  );
  const results: Record<string, string> = {};
  const did: string[] = [];
  let { state, settled, next } = firstStep(candidates, { scope, retryPolicy }, NOW);
  for (let at = 0; ; at++) {
    for (const [{ entry }, result] of settled) {
      if (entry.id in results) throw new Error(`${entry.id} is settled twice`);
      const code = 'error' in result ? (result.error as { code?: string }).code : undefined;
      results[entry.id] = code === undefined ? result.is : `${result.is} ${code}`;
    }
    if (next.do === 'done') return { results, did, last: next, state };
    did.push('retry' in next && next.retry > 0 ? `${next.do} after ${next.retry}` : next.do);
    if (did.length > 100) throw new Error('the engine does not end');
    const sent = state.transaction.chosen.map(({ candidate }) => String(candidate.entry.id));
    const given = typeof replies !== 'function' ? replies[at] : next.do === 'tryMarker' ? accepted : replies(sent);
    const reply = given ?? (next.do === 'tryMarker' ? accepted : committed);
    const before = structuredClone(state);
    const after = step(state, reply, NOW);
    expect(structuredClone(state)).toEqual(before);
    ({ state, settled, next } = after);
  }
}

const all = (is: string) => ({ a: is, b: is });
const times = (count: number, reply: Reply) => Array.from({ length: count }, () => reply);

describe('a marker that is met', () => {
  const cases: [string, Attributes, string][] = [
    ['completed', itemOf('completed'), 'duplicate'],
    ['rejected', itemOf('rejected', { reason: { S: 'sold out' } }), 'duplicate'],
    ['completed with another payload', itemOf('completed', { payloadHash: { S: 'other' } }), 'mismatch'],
    ['retrying', itemOf('retrying', { redrives: { N: '0' }, attempt: { N: '1' } }), 'completed'],
    ['dead-lettered at this attempt', handedOff(0, 1), 'parked'],
    ['dead-lettered at a later attempt', handedOff(0, 2), 'parked'],
    ['dead-lettered after a later redrive', handedOff(1, 1), 'parked'],
    ['dead-lettered at an earlier attempt', handedOff(0, 0), 'completed'],
    ['dead-lettered with another payload', handedOff(0, 1, 'other'), 'completed'],
    ['leased to another environment', leasedUntil(NOW + 1), 'failed LEASED'],
    ['leased, with the lease expired', leasedUntil(NOW), 'completed'],
  ];
  test.each(cases)('%s gives its message the right result and lets the other message complete', (_, item, result) => {
    const { results, did } = play(two(), [cancelled(conditionFailed(item), 'None', 'None')]);
    expect(results).toEqual({ a: result, b: 'completed' });
    expect(did).toEqual(['send', 'send']);
  });

  test('is replaced by a transaction with the longer condition only for the message that met it', () => {
    const { state } = play(two(), [cancelled(conditionFailed(itemOf('retrying')), 'None', 'None')]);
    const [ofA, ofB] = state.transaction.writes.map(({ Put }) => Put?.ConditionExpression);
    expect(ofA).toContain('#state = :retrying');
    expect(ofB).toBe('attribute_not_exists(pk)');
  });

  test('known beforehand, costs no cancelled transaction', () => {
    const { state, did } = play({ a: take() }, [], { hasMarker: true });
    expect(state.transaction.writes[0]?.Put?.ConditionExpression).toContain('#state = :retrying');
    expect(did).toEqual(['send']);
  });

  const marker = { queue: QUEUE, id: 'a' as MessageId, payloadHash: 'hash', at: AT };
  const markers: [string, Marker | undefined, string][] = [
    ['as completed', { ...marker, state: 'completed', events: [] }, 'duplicate'],
    ['as leased', { ...marker, state: 'leased', owner: 'x', leaseExpiresAtMs: NOW + 1 }, 'failed LEASED'],
    ['no more', undefined, 'completed'],
  ];
  test.each(markers)('and not shown by the cancellation is read; the read finds it %s', (_, found, result) => {
    const { results, did } = play(two(), [
      cancelled(conditionFailed(), 'None', 'None'),
      { is: 'markers', markers: new Map(found && [[found.id, found]]) },
    ]);
    expect(results).toEqual({ a: result, b: 'completed' });
    expect(did).toEqual(['send', 'findMarkers', 'send']);
  });

  test('and cannot be read leaves every message unfinished', () => {
    const error = Object.assign(new Error('no reply'), { code: 'STORE_UNAVAILABLE' });
    const { results } = play(two(), [cancelled(conditionFailed(), 'None', 'None'), { is: 'stopped', error }]);
    expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
  });

  test('that keeps standing in the way although it should give way fails its message alone', () => {
    const expired = conditionFailed(leasedUntil(NOW));
    const { results, did } = play(two(), (sent) =>
      sent.includes('a') ? cancelled(expired, 'None', 'None') : committed,
    );
    expect(results).toEqual({ a: 'failed CONFLICT', b: 'completed' });
    expect(did).toEqual(['send', 'send', 'send after 1', 'send after 2', 'send']);
  });
});

describe('a condition that fails', () => {
  const withOtherwise = { a: { ...take(), otherwise: soldOut }, b: { ...take(), otherwise: soldOut } };
  test.each([
    ['0', stockOf(0), all('rejected')],
    ['1', stockOf(1), { a: 'completed', b: 'rejected' }],
    ['no item', undefined, all('rejected')],
  ])('with a stock of %s selects the branch that holds for each message', (_, item, expected) => {
    const { results, did } = play(withOtherwise, [cancelled('None', 'None', conditionFailed(item))]);
    expect(results).toEqual(expected);
    expect(did).toEqual(['send', 'send']);
  });

  test('and has no alternative fails the message, after the messages before it are committed', () => {
    const { results, did } = play(two(), [cancelled('None', 'None', conditionFailed(stockOf(1)))]);
    expect(results).toEqual({ a: 'completed', b: 'failed CONDITION_FAILED' });
    expect(did).toEqual(['send', 'send']);
  });

  test('for every message sends no further transaction', () => {
    const { results, did } = play(two(), [cancelled('None', 'None', conditionFailed(stockOf(0)))]);
    expect(results).toEqual(all('failed CONDITION_FAILED'));
    expect(did).toEqual(['send']);
  });

  test('again on an item that was seen is retried after a pause, and fails its messages at the limit', () => {
    const { results, did } = play(withOtherwise, times(4, cancelled('None', 'None', conditionFailed(stockOf(9)))));
    expect(results).toEqual(all('failed CONFLICT'));
    expect(did).toEqual(['send', 'send', 'send after 1', 'send after 2']);
  });
});

describe('a cancellation for another reason', () => {
  test('TransactionConflict is retried after a pause', () => {
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
  ])('%s up to the limit gives up on the messages of the item only', (code, result) => {
    const decisions = { a: take('hot'), b: take() };
    const onMarkerOfA = play(decisions, (sent) => (sent.includes('a') ? cancelled(code, 'None', 'None') : committed));
    const onItemOfA = play(decisions, (sent) =>
      sent.includes('a') ? cancelled('None', 'None', code, 'None') : committed,
    );
    expect(onMarkerOfA.results).toEqual({ a: result, b: 'completed' });
    expect(onItemOfA.results).toEqual({ a: result, b: 'completed' });
    expect(onItemOfA.did).toEqual(['send', 'send after 1', 'send after 2', 'send']);
  });

  test('no reason at all leaves every message unfinished at the limit', () => {
    const { results, did } = play(two(), times(3, cancelled('None', 'None', 'None')));
    expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
    expect(did).toHaveLength(3);
  });

  test.each(['ValidationError', 'ItemCollectionSizeLimitExceeded'])(
    '%s on the item of one message fails this message alone',
    (code) => {
      const { results, did } = play({ a: take('text'), b: take() }, [cancelled('None', 'None', code, 'None')]);
      expect(results).toEqual({ a: 'failed INVALID_EFFECT', b: 'completed' });
      expect(did).toEqual(['send', 'tryMarker', 'send']);
    },
  );

  test('ValidationError on an item of several messages bisects them', () => {
    const { results, did } = play({ a: take(), b: take(), c: take('c') }, (sent) =>
      sent.includes('a') || sent.includes('b') ? cancelled(...sent.map(() => 'None'), 'ValidationError') : committed,
    );
    expect(results).toEqual({ a: 'failed INVALID_EFFECT', b: 'failed INVALID_EFFECT', c: 'completed' });
    // All three, then a and b, then each of the two, then c.
    expect(did).toEqual(['send', 'send', 'send', 'tryMarker', 'send', 'tryMarker', 'send']);
  });

  test.each([
    ['AccessDenied', 'unfinished ACCESS_DENIED'],
    ['ResourceNotFound', 'unfinished TABLE_MISSING'],
  ])('%s brings back the messages on that table, and lets the others complete', (code, result) => {
    const { results, last } = play({ a: take('a', tables.points), b: take() }, [
      cancelled('None', 'None', code, 'None'),
    ]);
    expect(results).toEqual({ a: result, b: 'completed' });
    expect(last.unavailable).toBeUndefined();
  });

  test('AccessDenied on the table of markers ends the whole batch', () => {
    const { results, last } = play(two(), [cancelled('AccessDenied', 'AccessDenied', 'None')]);
    expect(results).toEqual(all('unfinished ACCESS_DENIED'));
    expect(last.unavailable).toMatchObject({ code: 'ACCESS_DENIED', tables: ['p-inbox'] });
  });
});

describe('several reasons in one cancellation', () => {
  const three = { a: take('a'), b: take('b'), c: take('c', tables.points) };

  test('settle the met markers first, whatever else there is', () => {
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

  test('use a newly seen item before they blame a message for an invalid write', () => {
    const decisions = { a: { ...take('text'), otherwise: soldOut }, b: take('b') };
    const { results, did } = play(decisions, [
      cancelled('None', 'None', conditionFailed({ available: { S: 'many' } }), 'ValidationError'),
    ]);
    expect(results).toEqual({ a: 'rejected', b: 'completed' });
    expect(did).toEqual(['send', 'send']);
  });

  test('set aside a table that cannot be written before they isolate an invalid write', () => {
    const { results, did } = play(three, [
      cancelled('None', 'None', 'None', 'ValidationError', 'None', 'AccessDenied'),
      cancelled('None', 'None', 'ValidationError', 'None'),
    ]);
    expect(results).toEqual({ a: 'failed INVALID_EFFECT', b: 'completed', c: 'unfinished ACCESS_DENIED' });
    expect(did).toEqual(['send', 'send', 'tryMarker', 'send']);
  });

  test('at the limit fail the messages in conflict and return the throttled ones', () => {
    const { results } = play(three, (sent) =>
      sent.length === 3
        ? cancelled('None', 'None', 'None', 'TransactionConflict', 'ThrottlingError', 'None')
        : committed,
    );
    expect(results).toEqual({ a: 'failed CONFLICT', b: 'unfinished STORE_UNAVAILABLE', c: 'completed' });
  });

  test('at the limit return a message that is both in conflict and throttled', () => {
    const { results } = play(two(), times(3, cancelled('TransactionConflict', 'None', 'ThrottlingError')));
    expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
  });

  test('beyond the writes of the transaction are ignored', () => {
    const { results } = play(two(), [cancelled('None', 'None', 'None', 'TransactionConflict')]);
    expect(results).toEqual(all('completed'));
  });
});

describe('a reply that is lost', () => {
  test('sends the same transaction again', () => {
    const { results, did } = play(two(), [lost()]);
    expect(results).toEqual(all('completed'));
    expect(did).toEqual(['send', 'resend after 1']);
  });

  test.each([
    ['a timeout', lost()],
    ['an error of the server', failed(thrown('InternalServerError', 'x', 500))],
    ['a cancellation without reasons', failed(new TransactionCanceledException({ message: 'x', $metadata: {} }))],
  ])('up to the limit, as %s, leaves every message unfinished and the store unavailable', (_, reply) => {
    const { results, did, last } = play(two(), times(3, reply));
    expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
    expect(did).toEqual(['send', 'resend after 1', 'resend after 2']);
    expect(last.unavailable).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('keeps a message from failing, since it may be in the store', () => {
    const { results } = play(two(), [lost(), cancelled('None', 'None', conditionFailed(stockOf(1)))]);
    expect(results).toEqual({ a: 'completed', b: 'unfinished STORE_UNAVAILABLE' });
  });

  test('keeps an invalid message and one in conflict from failing too', () => {
    expect(play({ a: take() }, [lost(), cancelled('None', 'ValidationError')]).results).toEqual({
      a: 'unfinished STORE_UNAVAILABLE',
    });
    const conflicts = [lost(), ...times(3, cancelled('None', 'None', 'TransactionConflict'))];
    expect(play(two(), conflicts).results).toEqual(all('unfinished STORE_UNAVAILABLE'));
  });

  test('and a marker of the same message make it a duplicate', () => {
    const { results } = play(two(), [lost(), cancelled(conditionFailed(itemOf('completed')), 'None', 'None')]);
    expect(results).toEqual({ a: 'duplicate', b: 'completed' });
  });

  test('does not count any more once DynamoDB has replied', () => {
    const conflict = cancelled('None', 'None', 'TransactionConflict');
    const { results } = play(two(), [lost(), lost(), conflict, lost(), lost()]);
    expect(results).toEqual(all('completed'));
  });
});

describe('a request that DynamoDB does not take now', () => {
  test.each([
    'ThrottlingException',
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'ReplicatedWriteConflictException',
    'TransactionInProgressException',
    'TransactionConflictException',
  ])('because of %s is sent again, and leaves its messages unfinished at the limit', (name) => {
    expect(play(two(), times(2, refused(name))).did).toEqual(['send', 'resend after 1', 'resend after 2']);
    const { results, last } = play(two(), times(3, refused(name)));
    expect(results).toEqual(all('unfinished STORE_UNAVAILABLE'));
    expect(last.unavailable).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('because its token belongs to another transaction is sent under a new token, and its messages never fail', () => {
    const mismatch = refused('IdempotentParameterMismatchException');
    expect(play(two(), [mismatch])).toMatchObject({ results: all('completed'), did: ['send', 'send after 1'] });
    expect(play(two(), times(3, mismatch)).results).toEqual(all('unfinished STORE_UNAVAILABLE'));
  });
});

describe('a request that DynamoDB never takes', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const five = Object.fromEntries(names.map((name) => [name, take(name)]));

  test.each([
    'ValidationException',
    'SerializationException',
    'RequestEntityTooLargeException',
    'ItemCollectionSizeLimitExceededException',
  ])('because of %s is bisected until the invalid message is found', (name) => {
    const { results, did } = play(five, (sent) => (sent.includes('d') ? refused(name) : committed));
    expect(results).toEqual({
      ...Object.fromEntries(names.map((id) => [id, 'completed'])),
      d: 'failed INVALID_EFFECT',
    });
    // All five, then a to c, then d and e, then d, then e.
    expect(did).toEqual(['send', 'send', 'send', 'send', 'tryMarker', 'send']);
  });

  test('because of its markers ends the whole batch and fails no message', () => {
    const { results, last } = play({ a: take() }, [
      refused('ValidationException'),
      { is: 'markerWrites', error: new Error('The provided key element does not match the schema') },
    ]);
    expect(results).toEqual({ a: 'unfinished STORE_MISCONFIGURED' });
    expect(last.unavailable).toMatchObject({ code: 'STORE_MISCONFIGURED', tables: ['p-inbox'] });
  });
});

describe('a wrong deployment', () => {
  const decisions = { a: take('a', tables.points), b: take() };
  const denied = (resource: string) =>
    refused(
      'AccessDeniedException',
      `User: x is not authorized to perform: dynamodb:UpdateItem on resource: ${resource}`,
    );

  test('with a missing table that DynamoDB names brings back the messages on it', () => {
    const missing = refused('ResourceNotFoundException', 'Requested resource not found: Table: p-points not found');
    expect(play(decisions, [missing])).toMatchObject({
      results: { a: 'unfinished TABLE_MISSING', b: 'completed' },
      did: ['send', 'send'],
    });
  });

  test('with a missing table that DynamoDB does not name looks for it', () => {
    const missing = refused('ResourceNotFoundException', 'Requested resource not found');
    expect(play(decisions, [missing, { is: 'missingTables', tables: ['p-points'] }])).toMatchObject({
      results: { a: 'unfinished TABLE_MISSING', b: 'completed' },
      did: ['send', 'findMissingTables', 'send'],
    });
  });

  test('without the table of markers ends the whole batch', () => {
    const missing = refused('ResourceNotFoundException', 'Requested resource not found');
    const { results, last } = play(decisions, [missing, { is: 'missingTables', tables: ['p-inbox'] }]);
    expect(results).toEqual(all('unfinished TABLE_MISSING'));
    expect(last.unavailable).toMatchObject({ code: 'TABLE_MISSING' });
  });

  test('without a permission brings back the messages on its table', () => {
    expect(play(decisions, [denied('arn:aws:dynamodb:eu-central-1:1:table/p-points')]).results).toEqual({
      a: 'unfinished ACCESS_DENIED',
      b: 'completed',
    });
  });

  test.each([
    ['a permission that names no table', denied('*'), 'ACCESS_DENIED'],
    ['credentials that DynamoDB does not know', refused('UnrecognizedClientException'), 'STORE_MISCONFIGURED'],
    ['an operation that DynamoDB does not know', refused('UnknownOperationException'), 'STORE_MISCONFIGURED'],
  ])('without %s ends the whole batch', (_, reply, code) => {
    const { results, did, last } = play(decisions, [reply]);
    expect(results).toEqual(all(`unfinished ${code}`));
    expect(did).toEqual(['send']);
    expect(last.unavailable).toMatchObject({ code });
  });
});

describe('the end of the time', () => {
  const stopped: Reply = { is: 'stopped', error: Object.assign(new Error('time is up'), { code: 'TIME' }) };

  test('leaves every message without a result unfinished, and says nothing about the store', () => {
    const { results, last } = play(two(), [cancelled('None', 'None', 'TransactionConflict'), stopped]);
    expect(results).toEqual(all('unfinished TIME'));
    expect(last.unavailable).toBeUndefined();
  });

  test('leaves the later halves of a bisection unfinished, and keeps the results before it', () => {
    const { results } = play({ a: take('a'), b: take('b'), c: take('c') }, [
      refused('ValidationException'),
      committed,
      stopped,
    ]);
    expect(results).toEqual({ a: 'completed', b: 'completed', c: 'unfinished TIME' });
  });
});

test('a commit without messages asks for nothing', () => {
  expect(play({}, []).did).toEqual([]);
});
