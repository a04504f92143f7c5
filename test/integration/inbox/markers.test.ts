import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { BatchGetItemCommand, DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import type { Inbox, Handoff } from '../../../lib/inbox/inbox.ts';
import type { Leases } from '../../../lib/inbox/leases.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { openStore } from '../../support/store.ts';
import type { TestStore } from '../../support/store.ts';
import { sizeOfAll } from '../../../lib/dynamodb/value.ts';
import type { MessageFacts } from '../../../lib/inbox/facts.ts';
import { firstAttempt } from '../../support/delivery.ts';
import { tables } from '../../support/example/tables.ts';

const QUEUE = 'loans';
const never = new AbortController().signal;
let store: TestStore;
let inbox: Inbox;
let leases: Leases;
let run = 0;

beforeAll(async () => {
  store = await openStore();
  ({ inbox, leases } = store.ports());
});
beforeEach(() => void run++);
afterAll(() => store.close());

const id = (name: string | number = 'm') => `${run}-${name}` as MessageId;
const handoff = (attempt: number, options: Partial<Handoff> = {}): Handoff => ({
  id: id(),
  payloadHash: 'hash',
  redrives: 0,
  attempt,
  state: 'retrying',
  code: 'UNKNOWN_ERROR',
  message: 'out of luck',
  ...options,
});
const record = (...args: Parameters<typeof handoff>) => inbox.recordHandoffs(QUEUE, [handoff(...args)]);
const found = async () => (await inbox.find(QUEUE, [id()])).get(id());
const done = (payloadHash = 'hash') =>
  inbox.commit(QUEUE, [{ ...firstAttempt, id: id(), payloadHash, decision: { effects: [] } }], never);

describe('markers that cannot be read', () => {
  const edited = () =>
    store.put('inbox', { pk: { S: `${QUEUE}#${id('edited')}` }, state: { S: 'completed' }, events: { S: '{' } });
  const unreadable = {
    state: 'unreadable',
    queue: QUEUE,
    error: expect.objectContaining({
      code: 'INVALID_ITEM',
      message: expect.stringMatching(
        /^the inbox marker loans#.*-edited cannot be read: the attribute "events" is not JSON$/,
      ),
    }),
  };

  test('if an inbox marker cannot be read, the inbox returns the reason, and still returns the markers of the other messages', async () => {
    await done();
    await edited();
    const markers = await inbox.find(QUEUE, [id('edited'), id(), id('unknown')]);
    expect([...markers.keys()].toSorted()).toEqual([id('edited'), id()].toSorted());
    expect(markers.get(id('edited'))).toEqual({ ...unreadable, id: id('edited') });
    expect(markers.get(id())).toMatchObject({ state: 'completed' });
  });

  test('claimDeadLetters does not overwrite an inbox marker that cannot be read, and returns "refused" for the message', async () => {
    await edited();
    const handoffs = [handoff(1, { id: id('edited'), state: 'dead-lettered' }), handoff(1, { state: 'dead-lettered' })];
    expect(await inbox.claimDeadLetters(QUEUE, handoffs)).toEqual([
      { is: 'refused', marker: { ...unreadable, id: id('edited') } },
      { is: 'claimed' },
    ]);
    expect(await store.get('inbox', { pk: { S: `${QUEUE}#${id('edited')}` } })).toMatchObject({
      state: { S: 'completed' },
    });
  });
});

describe('markers of failed attempts', () => {
  test('the inbox marker of a message that was retried or dead-lettered contains the number of the attempt, the error code and the error message', async () => {
    await record(3, { redrives: 2, state: 'dead-lettered', code: 'EXPIRED' });
    expect(await found()).toEqual({
      queue: QUEUE,
      id: id(),
      payloadHash: 'hash',
      at: new Date(store.clock.now()).toISOString(),
      state: 'dead-lettered',
      redrives: 2,
      attempt: 3,
      code: 'EXPIRED',
      message: 'out of luck',
    });
  });

  test('a late write from an earlier attempt, or from before the last redrive, does not overwrite the inbox marker of a newer failed attempt', async () => {
    await record(2);
    await record(1);
    expect(await found()).toMatchObject({ attempt: 2 });
    await record(1, { redrives: 1 });
    expect(await found()).toMatchObject({ redrives: 1, attempt: 1 });
    await record(4, { redrives: 0, state: 'dead-lettered' });
    expect(await found()).toMatchObject({ state: 'retrying', redrives: 1, attempt: 1 });
  });

  test('the inbox marker of a dead-lettered message is replaced only after the message was redriven', async () => {
    await inbox.claimDeadLetters(QUEUE, [handoff(1, { state: 'dead-lettered' })]);
    await record(2);
    expect(await inbox.claimDeadLetters(QUEUE, [handoff(3, { state: 'dead-lettered' })])).toMatchObject([
      { is: 'refused', marker: { attempt: 1 } },
    ]);
    const later = { id: id(), payloadHash: 'hash', redrives: 0, attempt: 2 };
    expect(await leases.take(QUEUE, { ...later, owner: 'me', durationMs: 1_000 })).toBe(false);
    expect(await inbox.commit(QUEUE, [{ ...later, decision: { effects: [] } }], never)).toMatchObject([
      { is: 'parked' },
    ]);
    expect(await found()).toMatchObject({ state: 'dead-lettered', attempt: 1, isPending: true });
    await record(1, { redrives: 1 });
    expect(await found()).toMatchObject({ state: 'retrying', redrives: 1 });
  });

  test('claimDeadLetters returns "gone" if an existing inbox marker prevents its write, but the marker is deleted before the inbox reads it', async () => {
    await done();
    store.client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName === 'BatchGetItemCommand') {
            const Key = { pk: { S: `${QUEUE}#${id()}` } };
            await store.client.send(new DeleteItemCommand({ TableName: `${store.prefix}inbox`, Key }));
          }
          return next(args);
        },
      { step: 'initialize', name: 'deletion' },
    );
    const claim = () => inbox.claimDeadLetters(QUEUE, [handoff(1, { state: 'dead-lettered' })]);
    try {
      expect(await claim()).toEqual([{ is: 'gone' }]);
      expect(await claim()).toEqual([{ is: 'claimed' }]);
    } finally {
      store.client.middlewareStack.remove('deletion');
    }
  });

  test('the inbox marker of a completed message is not replaced by the marker of a failed attempt', async () => {
    await done();
    await record(4);
    expect(await found()).toMatchObject({ state: 'completed' });
  });

  test('while a message is leased, a failed attempt cannot overwrite its inbox marker; after the release of the lease, it can', async () => {
    await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'me', durationMs: 1_000 });
    await record(1);
    expect(await found()).toMatchObject({ state: 'leased' });
    await leases.release(QUEUE, id(), 'me');
    await record(1);
    expect(await found()).toMatchObject({ state: 'retrying' });
  });

  test('the error message in the inbox marker of a failed attempt is truncated to at most 1 KB, never in the middle of a character', async () => {
    await record(1, { message: `x${'é'.repeat(1_000)}` });
    expect(await found()).toMatchObject({ message: `x${'é'.repeat(511)}` });
  });

  test('one call of recordHandoffs writes the inbox markers of sixty failed messages', async () => {
    await inbox.recordHandoffs(
      QUEUE,
      Array.from({ length: 60 }, (_, n) => handoff(1, { id: id(n) })),
    );
    expect(
      (
        await inbox.find(
          QUEUE,
          Array.from({ length: 70 }, (_, n) => id(n)),
        )
      ).size,
    ).toBe(60);
  });
});

describe('find', () => {
  test('the method "find" of the inbox reads more inbox markers than one DynamoDB request returns, and reads a repeated message id once', async () => {
    const entries = Array.from({ length: 230 }, (_, n) => ({
      ...firstAttempt,
      id: id(n),
      payloadHash: 'h',
      decision: { effects: [] },
    }));
    await inbox.commit(QUEUE, entries, never);
    const ids = entries.map((entry) => entry.id);
    const markers = await inbox.find(QUEUE, [...ids, ...ids, id('unknown')]);
    expect([...markers.keys()].toSorted()).toEqual([...ids].toSorted());
    expect((await inbox.find('notices', ids)).size).toBe(0);
    expect((await inbox.find(QUEUE, [])).size).toBe(0);
  });

  test('if DynamoDB returns some keys as unprocessed, the inbox requests the markers with these keys again', async () => {
    const entries = Array.from({ length: 30 }, (_, n) => ({
      ...firstAttempt,
      id: id(n),
      payloadHash: 'h',
      decision: { effects: [] },
    }));
    await inbox.commit(QUEUE, entries, never);
    store.client.middlewareStack.add(
      (next) => async (args) => {
        const { RequestItems } = args.input as BatchGetItemCommand['input'];
        const [[table, { Keys = [], ConsistentRead }] = ['', {}]] = Object.entries(RequestItems ?? {});
        const served = { RequestItems: { [table]: { Keys: Keys.slice(0, 12), ConsistentRead } } };
        const result = await next({ ...args, input: served });
        if (Keys.length > 12) {
          Object.assign(result.output, { UnprocessedKeys: { [table]: { Keys: Keys.slice(12), ConsistentRead } } });
        }
        return result;
      },
      { step: 'initialize', name: 'partial' },
    );
    const markers = await inbox.find(
      QUEUE,
      entries.map((entry) => entry.id),
    );
    store.client.middlewareStack.remove('partial');
    expect(markers.size).toBe(30);
  });

  test('an inbox marker expires after the number of days in INBOX_RETENTION_DAYS', async () => {
    await done();
    const item = await store.get('inbox', { pk: { S: `${QUEUE}#${id()}` } });
    expect(Number(item?.['expiresAt']?.N)).toBe(Math.floor(store.clock.now() / 1_000) + 14 * 86_400);
  });
});

describe('the expiry of inbox markers', () => {
  const DAY_MS = 86_400_000;
  const pk = (name?: string) => ({ pk: { S: `${QUEUE}#${id(name)}` } });
  const expiresInDays = async (name?: string) =>
    (Number((await store.get('inbox', pk(name)))?.['expiresAt']?.N) - Math.floor(store.clock.now() / 1_000)) / 86_400;
  const rejected = (name: string) =>
    inbox.commit(
      QUEUE,
      [{ ...firstAttempt, id: id(name), payloadHash: 'hash', decision: { effects: [], outcome: 'rejected' } }],
      never,
    );

  test('reading the inbox marker of a completed, rejected or dead-lettered message postpones the expiry of the marker if less than half of the retention is left', async () => {
    await done();
    await rejected('rejected');
    await record(1, { id: id('dead'), state: 'dead-lettered' });
    const ids = [id(), id('rejected'), id('dead')];
    const before = await inbox.find(QUEUE, ids);
    store.clock.advance(6 * DAY_MS);
    expect(await inbox.find(QUEUE, ids)).toEqual(before);
    expect(await expiresInDays()).toBe(8);
    store.clock.advance(2 * DAY_MS);
    expect(await inbox.find(QUEUE, ids)).toEqual(before);
    for (const name of ['m', 'rejected', 'dead']) expect(await expiresInDays(name)).toBe(14);
  });

  test('reading an inbox marker postpones its expiry, even if an operator wrote the marker without the attribute "at"', async () => {
    const inOneDay = String(Math.floor(store.clock.now() / 1_000) + 86_400);
    const state = { S: 'completed' };
    await store.put('inbox', { ...pk(), state, payloadHash: { S: 'hash' }, expiresAt: { N: inOneDay } });
    expect(await found()).toMatchObject({ state: 'completed', payloadHash: 'hash' });
    expect(await expiresInDays()).toBe(14);
  });

  test('reading the inbox marker of a retried or leased message does not change the marker', async () => {
    await record(1);
    await leases.take(QUEUE, { ...firstAttempt, id: id('leased'), payloadHash: 'h', owner: 'me', durationMs: 1_000 });
    store.clock.advance(8 * DAY_MS);
    await inbox.find(QUEUE, [id(), id('leased')]);
    expect([await expiresInDays(), await expiresInDays('leased')]).toEqual([6, 6]);
  });

  test('if DynamoDB deletes an expired inbox marker just after the marker was read, the marker is stored again', async () => {
    await done();
    store.clock.advance(15 * DAY_MS);
    const before = await afterRead(
      () => store.client.send(new DeleteItemCommand({ TableName: `${store.prefix}inbox`, Key: pk() })),
      found,
    );
    expect(await found()).toEqual(before);
    expect(await expiresInDays()).toBe(14);
  });

  test('reading the inbox marker of a dead-lettered message does not overwrite a new marker that another commit stores just after the read', async () => {
    await record(1, { state: 'dead-lettered' });
    store.clock.advance(8 * DAY_MS);
    const redriven = { ...firstAttempt, redrives: 1, id: id(), payloadHash: 'hash', decision: { effects: [] } };
    await afterRead(() => inbox.commit(QUEUE, [redriven], never), found);
    expect(await found()).toMatchObject({ state: 'completed' });
  });

  test('if reading an inbox marker must also postpone its expiry, and DynamoDB does not answer the write of the new expiry, the read fails with STORE_UNAVAILABLE', async () => {
    await done();
    store.clock.advance(8 * DAY_MS);
    store.client.middlewareStack.add(
      (next, { commandName }) =>
        (args) =>
          commandName === 'PutItemCommand' ? Promise.reject(new Error('no reply')) : next(args),
      { step: 'initialize', name: 'failing' },
    );
    const failure = await found().catch((error: unknown) => error);
    store.client.middlewareStack.remove('failing');
    expect(failure).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await found()).toMatchObject({ state: 'completed' });
  });

  /** Calls `read`. After the first reply to a `BatchGetItem` request, calls `change` once, like a concurrent writer. */
  async function afterRead<T>(change: () => Promise<unknown>, read: () => Promise<T>): Promise<T> {
    let isChanged = false;
    store.client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const reply = await next(args);
          if (commandName === 'BatchGetItemCommand' && !isChanged) {
            isChanged = true;
            await change();
          }
          return reply;
        },
      { step: 'initialize', name: 'changing' },
    );
    try {
      return await read();
    } finally {
      store.client.middlewareStack.remove('changing');
    }
  }
});

describe('leases', () => {
  const completed = (leaseOwner: string) =>
    inbox.commit(
      QUEUE,
      [{ ...firstAttempt, id: id(), payloadHash: 'hash', decision: { effects: [] }, leaseOwner }],
      AbortSignal.timeout(30_000),
    );

  test('the owner of a lease can commit a decision after the lease has expired, until another owner takes the lease', async () => {
    await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'me', durationMs: 1_000 });
    store.clock.advance(2_000);
    expect(await completed('me')).toMatchObject([{ is: 'completed' }]);
  });

  test('the effects that a perform function returns for a message are not committed after the message was dead-lettered', async () => {
    await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'me', durationMs: 1_000 });
    const handoff = { ...firstAttempt, id: id(), payloadHash: 'hash', state: 'dead-lettered', code: 'X' } as const;
    await inbox.claimDeadLetters(QUEUE, [{ ...handoff, message: 'given up', leaseOwner: 'me' }]);
    expect(await completed('me')).toMatchObject([{ is: 'parked' }]);
  });

  test('only one owner can have the lease of a message until the lease expires', async () => {
    expect(
      await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'me', durationMs: 1_000 }),
    ).toBe(true);
    expect(
      await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'you', durationMs: 1_000 }),
    ).toBe(false);
    expect(
      await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'me', durationMs: 1_000 }),
    ).toBe(true);
    store.clock.advance(999);
    expect(
      await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'you', durationMs: 1_000 }),
    ).toBe(false);
    store.clock.advance(1);
    expect(
      await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'you', durationMs: 1_000 }),
    ).toBe(true);
    expect(await completed('me')).toMatchObject([{ is: 'failed', error: { code: 'LEASED' } }]);
    expect(await completed('you')).toMatchObject([{ is: 'completed' }]);
  });

  test('when the owner of a lease commits a decision, the leased message counts as completed, and committing the decision again changes nothing', async () => {
    await record(1);
    await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'me', durationMs: 1_000 });
    expect(await completed('me')).toMatchObject([{ is: 'completed' }]);
    expect(await completed('me')).toMatchObject([{ is: 'duplicate' }]);
    expect(
      await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'me', durationMs: 1_000 }),
    ).toBe(false);
    expect(await found()).toEqual({
      queue: QUEUE,
      id: id(),
      payloadHash: 'hash',
      at: new Date(store.clock.now()).toISOString(),
      state: 'completed',
      events: [],
    });
    expect(await done()).toMatchObject([{ is: 'duplicate' }]);
    expect(await done('other')).toMatchObject([{ is: 'mismatch' }]);
  });

  test('another owner can take the lease of a message as soon as the current owner has released the lease', async () => {
    await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'me', durationMs: 1_000 });
    await leases.release(QUEUE, id(), 'you');
    expect(
      await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'you', durationMs: 1_000 }),
    ).toBe(false);
    await leases.release(QUEUE, id(), 'me');
    expect(
      await leases.take(QUEUE, { ...firstAttempt, id: id(), payloadHash: 'hash', owner: 'you', durationMs: 1_000 }),
    ).toBe(true);
    await leases.release(QUEUE, id('nobody'), 'me');
  });
});

describe('the inbox markers that operators see', () => {
  const facts: MessageFacts = {
    type: 'loan.created',
    correlationId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
    publishedAt: '2026-11-22T12:00:00.000Z',
    startedAt: '2026-11-22T12:00:00.180Z',
    traceId: '0af7651916cd43dd8448eb211c80319c',
  };
  const failedAttempt = { attempt: 1, at: '2026-11-22T12:00:00.200Z', delayMs: 1_000, code: 'BOOM', message: 'no' };

  test('the inbox marker of a completed message needs at most 1 KB for the type, ids and times of the message and the number of written items per table', async () => {
    const effects = ['a', 'b'].map((isbn) => tables.loans.add({ isbn: `${run}-${isbn}` }, 'available', 1));
    const check = tables.loans.check({ isbn: `${run}-c` }, 'absent');
    await inbox.commit(
      QUEUE,
      [{ ...firstAttempt, id: id(), payloadHash: 'a'.repeat(64), facts, decision: { effects: [...effects, check] } }],
      never,
    );
    expect(await found()).toMatchObject({ state: 'completed', facts, effects: { loans: 2 } });
    const item = await store.get('inbox', { pk: { S: `${QUEUE}#${id()}` } });
    // DynamoDB charges a write by the kilobyte.
    expect(sizeOfAll(item!)).toBeLessThan(1_024);
  });

  test('the inbox marker itself contains the type, ids and failed attempts of the message, so the transaction writes no additional DynamoDB item for them', async () => {
    const sizes: number[] = [];
    const transactions = { name: 'countTransactionItems', step: 'initialize' } as const;
    store.client.middlewareStack.add(
      (next) => (args) => {
        const { TransactItems: items } = args.input as { TransactItems?: readonly unknown[] };
        sizes.push(items?.length ?? 0);
        return next(args);
      },
      transactions,
    );
    const withFacts = { ...facts, failedAttempts: [failedAttempt], attempt: 2, redrives: 1 };
    for (const some of [undefined, withFacts])
      await inbox.commit(
        QUEUE,
        [
          {
            ...firstAttempt,
            id: id(some ? 'with' : 'without'),
            payloadHash: 'h',
            facts: some,
            decision: { effects: [] },
          },
        ],
        never,
      );
    store.client.middlewareStack.remove(transactions.name);
    expect(sizes).toEqual([1, 1]);
    expect((await inbox.find(QUEUE, [id('with')])).get(id('with'))).toMatchObject({ facts: withFacts });
  });

  test('an inbox marker keeps the type, the correlation id and the failed attempts of its message when the message is retried and dead-lettered, and cuts off long texts', async () => {
    const long = {
      ...facts,
      type: 'é'.repeat(9_999),
      correlationId: `x${'😀'.repeat(9_999)}`,
      failedAttempts: [failedAttempt],
    };
    await record(1, { facts: long });
    const cut = {
      type: 'é'.repeat(255),
      correlationId: expect.stringMatching(/^x(😀)+/),
      failedAttempts: [failedAttempt],
    };
    expect(await found()).toMatchObject({ state: 'retrying', facts: cut });
    await inbox.claimDeadLetters(QUEUE, [handoff(2, { state: 'dead-lettered', facts })]);
    expect(await found()).toMatchObject({ state: 'dead-lettered', isPending: true, facts });
  });
});
