import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { ConsumerParts } from '../../../lib/consumer/parts.ts';
import type { Message } from '../../../lib/events/message.ts';
import type { RabbitMqRecord } from '../../../lib/consumer/delivery.ts';
import { BatchUnfinishedError, type BatchReport } from '../../../lib/consumer/report.ts';
import { log } from '../../../lib/runtime/log.ts';
import { PublishError } from '../../../lib/runtime/errors.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { anInvocation } from '../../support/invocation.ts';
import { partsAt } from '../../support/parts.ts';
import { tallying } from '../../support/tally.ts';
import { aWorkshop, type Workshop } from '../../support/workshop.ts';

let shop: Workshop;
let bare: VirtualHost;
beforeAll(async () => {
  [shop, bare] = await Promise.all([aWorkshop(), aVirtualHost()]);
});
afterAll(() => Promise.all([shop.remove(), bare.remove()]));

let sku: string;
beforeEach(() => {
  sku = randomUUID();
});

const type = 'test.tallied';
const message = (behave?: string, about: object = {}) => aRecord({ type, body: { sku, behave }, ...about });
const run = (
  records: readonly RabbitMqRecord[],
  parts: ConsumerParts = shop.parts,
  invocation = anInvocation(),
): Promise<BatchReport> => createConsumer(tallying, parts)(anEvent(records), invocation);
/** Its time runs out while messages are decided, whatever this machine's speed: what is kept for settling is left whole. */
const almostOver = () => {
  const leftMs = [60_000, 60_000];
  return { getRemainingTimeInMillis: () => leftMs.shift() ?? 15_100 };
};
const applied = async () => (await shop.item('stock', { sku }))?.available ?? 0;
const placed = async (queue: string) =>
  (await shop.host.drain(queue)).map(
    (found) => found && { id: found.properties.messageId, ...found.properties.headers },
  );

/** How many retry copies there are, once there are `count`: on its way from the tier back to its queue, a copy is in neither. */
async function retried(count: number): Promise<number> {
  let found = 0;
  await eventually(`${count} retry copies`, async () => {
    found += (await placed('retry.1s')).length + (await placed('stock')).length;
    return found >= count;
  });
  return found;
}

interface Row {
  readonly outcome: string;
  /** The batch, next to one sound message. */
  readonly records: () => RabbitMqRecord[] | Promise<RabbitMqRecord[]>;
  readonly counts: Partial<BatchReport['counts']>;
  /** Where its copy is, and the code that it was placed with. */
  readonly in?: string;
  readonly code?: string;
  /** Effects, the sound message's included. */
  readonly applied: number;
  readonly invocation?: () => ReturnType<typeof anInvocation>;
  readonly parts?: () => ConsumerParts;
  readonly comesBack?: boolean;
}

const twin = () => {
  const record = message();
  return [record, { ...record, redelivered: true }];
};

const doneBefore = async (about: object = {}) => {
  const id = randomUUID();
  await run([message('well', { id })]);
  return [message('well', { id, redelivered: true, ...about })];
};

/** No DynamoDB listens there. */
const withStoreAway = () => partsAt('http://127.0.0.1:1', shop.tablePrefix, shop.publisher);

/** A virtual host without any topology: nothing published there finds a queue. */
const withNowhereToPlace = (): ConsumerParts => ({ ...shop.parts, publisher: bare.publisher() });

const table: Row[] = [
  { outcome: 'completed', records: () => [message()], counts: { completed: 2 }, applied: 2 },
  { outcome: 'duplicate within the batch', records: twin, counts: { completed: 2, duplicate: 1 }, applied: 2 },
  {
    outcome: 'duplicate of what the store has',
    records: () => doneBefore(),
    counts: { completed: 1, duplicate: 1 },
    applied: 2,
  },
  {
    outcome: 'rejected by a business rule',
    records: () => [message('reject')],
    counts: { completed: 1, rejected: 1 },
    applied: 1,
  },
  {
    outcome: 'completed, with a byte-order mark before its JSON',
    records: () => {
      const record = message();
      return [
        {
          ...record,
          data: Buffer.concat([Buffer.from('\ufeff'), Buffer.from(record.data, 'base64')]).toString('base64'),
        },
      ];
    },
    counts: { completed: 2 },
    applied: 2,
  },
  {
    outcome: 'malformed',
    records: () => [message('well', { raw: Buffer.from('{"sku":') })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'MALFORMED',
    applied: 1,
  },
  {
    outcome: 'malformed: no UTF-8',
    records: () => [message('well', { raw: Buffer.from([0x22, 0xff, 0x22]) })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'MALFORMED',
    applied: 1,
  },
  {
    outcome: 'without an id',
    records: () => [message('well', { id: null })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'MISSING_MESSAGE_ID',
    applied: 1,
  },
  {
    outcome: 'schema mismatch',
    records: () => [message('badly')],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'SCHEMA_MISMATCH',
    applied: 1,
  },
  {
    outcome: 'of a type that no rule is for',
    records: () => [message('well', { type: 'test.untold' })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'UNKNOWN_TYPE',
    applied: 1,
  },
  {
    outcome: 'of a version that nobody published',
    records: () => [message('well', { headers: { 'surehop-schema-version': 9 } })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'SCHEMA_MISMATCH',
    applied: 1,
  },
  {
    outcome: 'payload mismatch with what the store has',
    records: () => doneBefore({ body: { sku, behave: 'well', other: true } }),
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'PAYLOAD_MISMATCH',
    applied: 2,
  },
  {
    outcome: 'permanent error',
    records: () => [message('permanent')],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'NEVER',
    applied: 1,
  },
  {
    outcome: 'retry after a wished delay',
    records: () => [message('retry-after')],
    counts: { completed: 1, retry: 1 },
    in: 'retry.4s',
    applied: 1,
  },
  {
    outcome: 'transient error',
    records: () => [message('transient')],
    counts: { completed: 1, retry: 1 },
    in: 'retry.1s',
    applied: 1,
  },
  {
    outcome: 'transient error at the third attempt',
    records: () => [message('transient', { headers: { 'surehop-attempt': 3 } })],
    counts: { completed: 1, retry: 1 },
    in: 'retry.4s',
    applied: 1,
  },
  {
    outcome: 'condition failed without an alternative',
    records: () => [message('conflict')],
    counts: { completed: 1, retry: 1 },
    in: 'retry.1s',
    applied: 1,
  },
  {
    outcome: 'attempts exhausted',
    records: () => [message('transient', { headers: { 'surehop-attempt': 4 } })],
    counts: { completed: 1, 'dead-letter': 1 },
    in: 'dead-letters',
    code: 'ATTEMPTS_EXHAUSTED',
    applied: 1,
  },
  {
    outcome: 'over its own time limit',
    records: () => [message('hang')],
    counts: { completed: 1, retry: 1 },
    in: 'retry.1s',
    applied: 1,
  },
  {
    outcome: 'not decided when the invocation runs out of time',
    records: () => [message('hang')],
    counts: { completed: 1, unfinished: 1 },
    invocation: almostOver,
    applied: 1,
    comesBack: true,
  },
  {
    outcome: 'with the store away',
    records: () => [message()],
    counts: { unfinished: 2 },
    parts: withStoreAway,
    applied: 0,
    comesBack: true,
  },
  {
    outcome: 'whose placement is refused',
    records: () => [message('permanent')],
    counts: { completed: 1, unfinished: 1 },
    parts: withNowhereToPlace,
    applied: 1,
    comesBack: true,
  },
];

describe('a message of a batch', () => {
  for (const row of table)
    test(`${row.outcome}: its neighbour completes, and it ends where it should`, async () => {
      const records = await row.records();
      const batch = run([...records, message()], row.parts?.(), row.invocation?.());
      const report = await batch.catch((error: unknown) => {
        if (error instanceof BatchUnfinishedError) return error.report;
        throw error;
      });
      if (row.comesBack) await expect(batch).rejects.toBeInstanceOf(BatchUnfinishedError);
      else await expect(batch).resolves.toBe(report);
      const none = {
        completed: 0,
        rejected: 0,
        duplicate: 0,
        retry: 0,
        postponed: 0,
        'dead-letter': 0,
        unfinished: 0,
      };
      expect(report.counts).toEqual({ ...none, ...row.counts });
      expect(await applied()).toBe(row.applied);

      const copies = {
        'dead-letters': await placed('dead-letters'),
        'retry.1s': await placed('retry.1s'),
        'retry.4s': await placed('retry.4s'),
      };
      for (const [queue, found] of Object.entries(copies)) expect(found).toHaveLength(queue === row.in ? 1 : 0);
      if (row.code)
        expect(copies['dead-letters'][0]).toMatchObject({
          'surehop-dead-letter-code': row.code,
          'surehop-dead-letter-queue': 'stock',
        });
      await placed('stock');
      await placed('points');
    });
});

describe('a batch', () => {
  test('of 100 with one poison message completes 99, parks 1, and repeats no effect when it comes again', async () => {
    const poison = message('permanent');
    const records = [...Array.from({ length: 99 }, () => message()), poison];
    const first = await run(records);
    expect(first.counts).toMatchObject({ completed: 99, 'dead-letter': 1 });
    const again = await run(records.map((record) => ({ ...record, redelivered: true })));
    expect(again.counts).toMatchObject({ duplicate: 100 });
    expect(await applied()).toBe(99);
    expect(await placed('dead-letters')).toHaveLength(1);
  });

  test.each(['permanent', 'transient'])(
    'names in a dead letter the frames of the rule that failed, in the service’s own code: %s',
    async (behave) => {
      await run([message(behave, { headers: { 'surehop-attempt': 4 } })]);
      const [letter] = await placed('dead-letters');
      const frames = String((letter as Record<string, unknown>)['surehop-dead-letter-frames']).split('\n');
      expect(frames[0]).toMatch(/^tally \(test\/support\/tally\.ts:\d+:\d+\)$/);
      expect(frames.filter((frame) => frame.includes('lib/'))).toEqual([]);
    },
  );

  test.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['an object without a text', () => Object.create(null)],
    ['an error whose message is no text', () => Object.assign(new Error('x'), { message: { deep: true }, stack: 7 })],
    ['an error with a code that is no text', () => Object.assign(new Error('x'), { code: 42 })],
  ])('retries a message whose rule throws %s, and completes its neighbours', async (_, thrown) => {
    const definition = {
      ...tallying,
      decide: (event: Parameters<typeof tallying.decide>[0], context: Parameters<typeof tallying.decide>[1]) => {
        // oxlint-disable-next-line no-throw-literal
        if (event.number === 1) throw thrown();
        return tallying.decide(event, context);
      },
    };
    const records = [message(), aRecord({ type, body: { sku, number: 1 } })];
    const report = await createConsumer(definition, shop.parts)(anEvent(records), anInvocation());
    expect(report.counts).toMatchObject({ completed: 1, retry: 1 });
    expect(await retried(1)).toBe(1);
  });

  test('logs the stack of a failed rule once, however many of its messages failed with it', async () => {
    const written: Record<string, unknown>[] = [];
    const warn = jest.spyOn(log(), 'warn').mockImplementation((...[line, details]) => {
      written.push({ line, ...(details as object) });
    });
    await run([...Array.from({ length: 60 }, () => message('transient')), message('permanent')]);
    warn.mockRestore();
    const failed = written.filter(({ line }) => line === 'rule failed');
    expect(failed).toMatchObject([
      { reason: 'UNKNOWN_ERROR', failed: 60, error: { name: 'Error', message: 'not this time' } },
      { reason: 'NEVER', failed: 1, error: { message: 'this will never do' } },
    ]);
    expect(failed[0]!.messageIds).toHaveLength(20);
    expect((failed[0]!.error as Error).stack).toContain('test/support/tally.ts');
    expect(written.filter(({ line }) => line === 'message to be retried')).toHaveLength(60);
    expect(await retried(60)).toBe(60);
    await placed('dead-letters');
  });

  test('reports each message that was not completed with its code and where it is', async () => {
    const id = randomUUID();
    const { notCompleted } = await run([message('permanent', { id }), message()]);
    expect(notCompleted).toEqual([
      { id, outcome: 'dead-letter', code: 'NEVER', message: 'this will never do', destination: 'dead-letters' },
    ]);
    await placed('dead-letters');
  });

  test('publishes a rejection’s event once, however often the batch comes back to the same process', async () => {
    const record = { ...message('reject'), redelivered: true };
    const handler = createConsumer(tallying, shop.parts);
    for (let time = 0; time < 3; time += 1) await handler(anEvent([record]), anInvocation());
    expect(await placed('points')).toHaveLength(1);
  });

  test('that comes back to the process that finished it needs no store to be known', async () => {
    const away = withStoreAway();
    const isDone = { now: false };
    const inbox = new Proxy(shop.parts.inbox, {
      get: (real, name: keyof ConsumerParts['inbox']) => (isDone.now ? away.inbox : real)[name],
    });
    const handler = createConsumer(tallying, { ...shop.parts, inbox });
    const records = [message(), message('reject')];
    await handler(anEvent(records), anInvocation());
    isDone.now = true;
    const again = records.map((record) => ({ ...record, redelivered: true }));
    expect((await handler(anEvent(again), anInvocation())).counts).toMatchObject({ duplicate: 2 });
    isDone.now = false;
    const id = String(records[0]!.basicProperties.messageId);
    const other = message('permanent', { id, redelivered: true });
    expect((await handler(anEvent([other]), anInvocation())).notCompleted).toMatchObject([
      { code: 'PAYLOAD_MISMATCH' },
    ]);
    await placed('points');
    await placed('dead-letters');
  });

  test('with two copies of what was rejected before publishes its event once', async () => {
    const record = { ...message('reject'), redelivered: true };
    await run([record]);
    expect(await placed('points')).toHaveLength(1);
    expect((await run([record, record])).counts).toMatchObject({ duplicate: 2 });
    expect(await placed('points')).toHaveLength(1);
  });

  test('that comes again parks what cannot be read no second time', async () => {
    const record = { ...message('well', { raw: Buffer.from('{"sku":') }), redelivered: true };
    await run([record]);
    expect((await run([record])).counts).toMatchObject({ duplicate: 1 });
    expect(await placed('dead-letters')).toHaveLength(1);
  });

  test('that was placed only in part places no second copy of what was when it comes again', async () => {
    const records = [message('transient'), message('permanent')];
    await shop.host.channel.unbindQueue('dead-letters', 'dead-letters', '');
    await expect(run(records)).rejects.toBeInstanceOf(BatchUnfinishedError);
    await shop.host.channel.bindQueue('dead-letters', 'dead-letters', '');
    const report = await run(records.map((record) => ({ ...record, redelivered: true })));
    expect(report.counts).toMatchObject({ duplicate: 1, 'dead-letter': 1 });
    expect(await placed('dead-letters')).toHaveLength(1);
    expect(await retried(1)).toBe(1);
  });

  test('with a message that was placed already, next to its own retry copy, works on the copy', async () => {
    const original = message('transient');
    await run([original]);
    const id = String(original.basicProperties.messageId);
    const copy = message('transient', { id, headers: { 'surehop-attempt': 2 } });
    const report = await run([{ ...original, redelivered: true }, copy, message()]);
    expect(report.counts).toMatchObject({ completed: 1, duplicate: 1, retry: 1 });
    expect(await placed('retry.2s')).toHaveLength(1);
    await placed('retry.1s');
    await placed('stock');
  });

  test('with a failed message whose headers are too large for a copy parks it all the same, and says what it left out', async () => {
    const large = 'x'.repeat(130_800);
    const report = await run([message('permanent', { headers: { large, tenant: 'blue' } }), message()]);
    expect(report.counts).toMatchObject({ completed: 1, 'dead-letter': 1 });
    expect(await placed('dead-letters')).toEqual([
      expect.objectContaining({
        tenant: 'blue',
        'surehop-left-out': 'header "large" (too large: all properties of a message must fit into one frame)',
        'surehop-dead-letter-code': 'NEVER',
      }),
    ]);
  });

  test('with records that are none parks each of them alone', async () => {
    const record = message();
    const odd = [
      null,
      'a record',
      { data: record.data },
      { ...message(), data: 'no base64!' },
      { ...record, basicProperties: { ...record.basicProperties, messageId: { toString: 'x' } } },
      { ...record, basicProperties: { ...record.basicProperties, messageId: 'm'.repeat(3_000) } },
      { ...record, basicProperties: { ...record.basicProperties, messageId: randomUUID(), type: 7, timestamp: [] } },
    ];
    const report = await run([...odd, message()] as RabbitMqRecord[]);
    expect(report.counts).toMatchObject({ completed: 1, 'dead-letter': odd.length });
    expect(await placed('dead-letters')).toHaveLength(odd.length);
  });

  test('with a body for which the schema itself throws parks that message alone', async () => {
    const schema = tallying.event.schema.refine(({ behave }) => {
      if (behave === 'permanent') throw Object.assign(Object.create(null), { toString: undefined });
      return true;
    });
    const definition = { ...tallying, event: { ...tallying.event, schema } };
    const report = await createConsumer(definition, shop.parts)(
      anEvent([message('permanent'), message()]),
      anInvocation(),
    );
    expect(report.counts).toMatchObject({ completed: 1, 'dead-letter': 1 });
    expect(await placed('dead-letters')).toMatchObject([{ 'surehop-dead-letter-code': 'SCHEMA_MISMATCH' }]);
  });

  test('with a message that would be changed by its retry parks it instead, and says what would be missing', async () => {
    const long = 'é'.repeat(128);
    const record = message('transient');
    const headers = { ...(record.basicProperties.headers as object), [long]: 1 };
    const odd = {
      ...record,
      basicProperties: { ...record.basicProperties, headers, timestamp: 'Jan 1, 1200, 12:00:00 AM' },
    };
    expect((await run([odd, message()])).counts).toMatchObject({ completed: 1, 'dead-letter': 1, retry: 0 });
    expect(await placed('dead-letters')).toMatchObject([
      {
        'surehop-dead-letter-code': 'UNWRITABLE',
        'surehop-dead-letter-reason': expect.stringContaining('not this time'),
        'surehop-left-out': expect.stringMatching(/^header "é+" \(a name of 256 bytes.*\), timestamp \(/),
      },
    ]);
  });

  test('with messages that the broker finds too large puts them into the archive, whole, and ends', async () => {
    const archived: { code: string; queue?: string; body: Buffer }[] = [];
    const tooLarge = (sent: Message) =>
      sent.body.length > 1_000 ? new PublishError('TOO_LARGE', 'more than the broker takes') : undefined;
    const parts: ConsumerParts = {
      ...shop.parts,
      publisher: { ...shop.publisher, publishAll: async (sent) => sent.map(tooLarge) },
      archiveLetter: async ({ code, queue }, { body }) => archived.push({ code, queue, body }) > 0,
    };
    const large = (behave: string) =>
      message(behave, { raw: Buffer.from(JSON.stringify({ sku, behave, padding: 'x'.repeat(2_000) })) });
    const records = [large('transient'), large('permanent'), message()];
    expect((await run(records, parts)).counts).toMatchObject({ completed: 1, 'dead-letter': 2, unfinished: 0 });
    expect(archived.map(({ code, queue }) => [code, queue])).toEqual([
      ['TOO_LARGE', 'stock'],
      ['TOO_LARGE', 'stock'],
    ]);
    expect(archived.map(({ body }) => body.toString('base64'))).toEqual([records[0]!.data, records[1]!.data]);
  });

  test('with a follow-up event that the broker finds too large keeps that event in the archive', async () => {
    const archived: object[] = [];
    const parts: ConsumerParts = {
      ...shop.parts,
      publisher: {
        ...shop.publisher,
        publishAll: async (sent) => sent.map(() => new PublishError('TOO_LARGE', 'more than the broker takes')),
      },
      archiveLetter: async (letter) => archived.push(letter) > 0,
    };
    expect((await run([message('reject')], parts)).counts).toMatchObject({ rejected: 1 });
    expect(archived).toMatchObject([{ code: 'TOO_LARGE', type: 'order.rejected', queue: undefined }]);
  });

  test('keeps copies with one id and one body apart from those that only share a body', async () => {
    const report = await run([message('well', { id: 'a' + sku }), message('well', { id: 'b' + sku })]);
    expect(report.counts.completed).toBe(2);
    expect(await applied()).toBe(2);
  });
});

describe('a redriven message', () => {
  test('starts its attempts afresh, and may be placed for a retry again', async () => {
    const id = randomUUID();
    await run([message('transient', { id, headers: { 'surehop-attempt': 4 } })]);
    await run([message('transient', { id, headers: { 'surehop-attempt': 1, 'surehop-redrives': 1 } })]);
    expect([...(await placed('retry.1s')), ...(await placed('stock'))]).toHaveLength(1);
    expect(await placed('dead-letters')).toHaveLength(1);
    const report = await run([message('transient', { id, headers: { 'surehop-attempt': 4, 'surehop-redrives': 1 } })]);
    expect(report.counts['dead-letter']).toBe(1);
    expect(await placed('dead-letters')).toHaveLength(1);
  });
});
