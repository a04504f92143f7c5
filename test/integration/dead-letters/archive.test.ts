import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { archiveTable } from '../../../lib/archive/record.ts';
import { archiveBatch } from '../../../lib/dead-letters/archive.ts';
import { createKnownValues } from '../../../lib/dead-letters/known-values.ts';
import { listDeadLetters } from '../../../lib/dead-letters/list.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { decodeHeaders } from '../../../lib/events/json-form.ts';
import { deadLetterCopy } from '../../../lib/events/copies.ts';
import type { RabbitMqRecord } from '../../../lib/message/delivery.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord, encodeTable } from '../../support/delivery.ts';
import { useExampleTopology } from '../../support/example/use-example.ts';
import { eventually } from '../../support/eventually.ts';
import { takeRecords } from '../../support/from-broker.ts';

let backend: Backend;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];
let list: HttpHandler;
let get: HttpHandler;
let discard: HttpHandler;

beforeAll(async () => {
  useExampleTopology();
  backend = await aBackend();
  await backend.declare();
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  ({ handler: list } = await import('../../../functions/dead-letters/list.ts'));
  ({ handler: get } = await import('../../../functions/dead-letters/get.ts'));
  ({ handler: discard } = await import('../../../functions/dead-letters/discard.ts'));
});

afterAll(() => backend.remove());

const read = (id: string) => callAsOperator(get, { route: 'GET /dead-letters/{id}', path: { id } });
const listed = async (query: Record<string, string>) =>
  (await callAsOperator(list, { route: 'GET /dead-letters', query })).body.deadLetters;

/** Waits until it has taken at least `count` messages from the dead-letter queue, and returns them as Lambda event records. */
async function deadLetters(count: number): Promise<RabbitMqRecord[]> {
  const channel = await backend.host.rawChannel();
  const records: RabbitMqRecord[] = [];
  await eventually(`${count} dead letters`, async () => {
    records.push(...(await takeRecords(channel, 'dead-letters')));
    return records.length >= count;
  });
  return records;
}

const noteOf = (about: object = {}) => ({
  id: randomUUID() as MessageId,
  code: 'BOOM',
  reason: 'connection refused',
  queue: 'loans',
  at: '2026-11-22T11:00:00.000Z',
  ...about,
});

const aNoted = (about: object = {}, message: Parameters<typeof aRecord>[0] = {}) => {
  const note = noteOf(about);
  const { headers } = deadLetterCopy(
    { body: Buffer.of(), properties: { headers: decodeHeaders(encodeTable(message?.headers ?? {})) } },
    'x',
    note,
  ).properties;
  return { note, record: aRecord({ ...message, headers }) };
};

test('GET /dead-letters/{id} returns the body of a dead letter of 600 KB byte for byte, and all of its headers', async () => {
  const body = randomBytes(600_000);
  const headers = {
    'x-text': 'grün',
    'x-number': 17,
    'x-yes': true,
    'x-bytes': Buffer.from([0xff, 0xfe, 0x00]),
    'x-table': { list: [1, 'two', { three: 3 }] },
  };
  const { note, record } = aNoted({}, { raw: body, headers, id: 'm-600' });
  expect(await archive(anEvent([record], 'dead-letters'))).toEqual({ archived: 1, duplicates: 0 });
  const got = await read(note.id);
  expect(got).toMatchObject({
    status: 200,
    body: {
      id: note.id,
      messageId: 'm-600',
      queue: 'loans',
      code: 'BOOM',
      reason: 'connection refused',
      status: 'open',
      bodyBytes: 600_000,
      deadLetteredAt: note.at,
      history: [],
      properties: { messageId: 'm-600', contentType: 'application/json' },
      headers: {
        ...headers,
        'x-bytes': { $base64: '//4A' },
        'surehop-dead-letter-code': 'BOOM',
      },
    },
  });
  expect(Buffer.from(got.body.body.base64, 'base64').equals(body)).toBe(true);
  expect(got.body.body.text).toBeUndefined();
});

test("GET /dead-letters/{id} returns at most 1,000 characters of a dead letter's stack frames", async () => {
  const frames = ['bill (functions/bill.ts:4:21)', 'functions/handler.ts:6:12'];
  const deadLetters = [aNoted({ frames }), aNoted({ frames: Array(200).fill('x'.repeat(200)) }), aNoted()];
  await archive(
    anEvent(
      deadLetters.map(({ record }) => record),
      'dead-letters',
    ),
  );
  const [short, long, none] = await Promise.all(deadLetters.map(({ note }) => read(note.id)));
  expect(short!.body.frames).toBe(frames.join('\n'));
  expect(long!.body.frames).toHaveLength(1_000);
  expect(none!.body).not.toHaveProperty('frames');
});

test('if the body of a dead letter is valid UTF-8, GET /dead-letters/{id} returns the body both as base64 and as text', async () => {
  const text = aNoted({}, { raw: Buffer.from('{"a":"grün"') });
  const empty = aNoted({}, { raw: Buffer.alloc(0) });
  await archive(anEvent([text.record, empty.record], 'dead-letters'));
  expect((await read(text.note.id)).body.body).toMatchObject({ text: '{"a":"grün"' });
  expect((await read(empty.note.id)).body).toMatchObject({ bodyBytes: 0, body: { base64: '', text: '' } });
});

describe('messages that the broker dead-lettered', () => {
  test('messages that the broker dead-lettered are archived with the name of the work queue and the code EXPIRED or REJECTED', async () => {
    const { channel } = backend.host;
    channel.publish('', 'loans', Buffer.from('"old"'), { persistent: true, messageId: 'm-expired', expiration: '1' });
    channel.publish('retry.1s', 'notices', Buffer.from('"no"'), { persistent: true, messageId: 'm-rejected' });
    const rejected = await eventually('the retried message', () => channel.get('notices'));
    channel.nack(rejected, false, false);
    const records = await deadLetters(2);
    expect(await archive(anEvent(records, 'dead-letters'))).toEqual({ archived: 2, duplicates: 0 });
    expect(await archive(anEvent(records, 'dead-letters'))).toEqual({ archived: 0, duplicates: 2 });
    const [expired] = await listed({ code: 'EXPIRED' });
    expect(expired).toMatchObject({ messageId: 'm-expired', queue: 'loans', status: 'open' });
    const [thrown] = await listed({ code: 'REJECTED' });
    expect(thrown).toMatchObject({ messageId: 'm-rejected', queue: 'notices' });
    const { body } = await read(expired.id);
    expect(body.body.text).toBe('"old"');
    expect(body.headers['x-death'][0]).toMatchObject({ queue: 'loans', reason: 'expired' });
  });
});

test('if dead letters are redelivered after one of them was discarded, the archive does not change', async () => {
  const { note, record } = aNoted();
  const event = anEvent([record, record], 'dead-letters');
  expect(await archive(event)).toEqual({ archived: 1, duplicates: 1 });
  await callAsOperator(discard, {
    route: 'DELETE /dead-letters/{id}',
    path: { id: note.id },
    body: { reason: 'nonsense' },
  });
  expect(await archive(event)).toEqual({ archived: 0, duplicates: 2 });
  expect((await read(note.id)).body).toMatchObject({
    status: 'discarded',
    discardReason: 'nonsense',
    history: [{ action: 'discarded', at: expect.any(String), reason: 'nonsense' }],
  });
});

test('if a second copy of a dead letter arrives with other headers, the archived dead letter does not change', async () => {
  const { note, record } = aNoted({}, { raw: Buffer.from('"x"'), id: 'm-copy' });
  await archive(anEvent([record], 'dead-letters'));
  const before = await read(note.id);
  const other = aNoted(
    { ...note, at: '2026-11-22T11:00:09.000Z', reason: 'connection refused once more' },
    { raw: Buffer.from('"x"'), id: 'm-copy' },
  );
  await archive(anEvent([other.record], 'dead-letters'));
  expect((await read(note.id)).body).toEqual(before.body);
});

test('different messages with the same dead-letter id are all archived', async () => {
  const note = { id: randomUUID() as MessageId };
  const [one, other, third] = ['"1"', '"2"', '"3"'].map((body) => aNoted(note, { raw: Buffer.from(body) }).record);
  expect(await archive(anEvent([one!, other!, one!], 'dead-letters'))).toEqual({ archived: 2, duplicates: 1 });
  expect(await archive(anEvent([third!, other!], 'dead-letters'))).toEqual({ archived: 1, duplicates: 1 });
  expect((await read(note.id)).body.body.text).toBe('"1"');
});

test('dead letters with malformed properties, bodies or headers are archived', async () => {
  const sound = aNoted();
  const long = 'x'.repeat(3_000);
  const claims = {
    'surehop-dead-letter-id': long,
    'surehop-dead-letter-code': long,
    'surehop-dead-letter-queue': long,
    'surehop-dead-lettered-at': '+123456-01-01T00:00:00.000Z',
    'x-death': [{ queue: long, reason: long, time: { of: 'no sort' } }, 'death'],
  };
  const record = aRecord({ id: long, headers: claims });
  const odd = [
    null,
    7,
    {},
    { data: 'e30=' },
    { ...record, data: 'no base64!' },
    { ...record, basicProperties: { ...record.basicProperties, type: 7, correlationId: [long], timestamp: long } },
    aRecord({ headers: { ...claims, 'x-death': 'none' } }),
  ];
  expect(await archive(anEvent([...odd, sound.record] as never, 'dead-letters'))).toEqual({
    archived: odd.length + 1,
    duplicates: 0,
  });
  expect((await read(sound.note.id)).status).toBe(200);
});

test('two dead letters without a message id are archived separately, even if the bodies of the dead letters are equal', async () => {
  const records = [aRecord({ id: null, body: 'same' }), aRecord({ id: null, body: 'same' })];
  expect(await archive(anEvent(records, 'dead-letters'))).toEqual({ archived: 2, duplicates: 0 });
});

describe('a dead letter with hostile headers', () => {
  const publish = (messageId: string, headers: object, properties: object = {}) =>
    backend.host.channel.publish('dead-letters', 'loans', Buffer.from('{}'), {
      persistent: true,
      messageId,
      headers,
      ...properties,
    });
  const beforeLimit = (limit: number) => `${'x'.repeat(limit - 1)}😀xx`;
  const noted = { 'surehop-dead-letter-id': 'id', 'surehop-dead-letter-queue': 'loans' };

  test.each<[string, object]>([
    ['surehop-edited-from', { 'surehop-edited-from': beforeLimit(500) }],
    ['surehop-left-out', { 'surehop-left-out': beforeLimit(1_000) }],
    ['surehop-dead-letter-reason', { ...noted, 'surehop-dead-letter-reason': beforeLimit(1_000) }],
    ['surehop-dead-letter-code', { ...noted, 'surehop-dead-letter-code': beforeLimit(100) }],
    ['surehop-dead-letter-frames', { ...noted, 'surehop-dead-letter-frames': beforeLimit(1_000) }],
    ['surehop-dead-letter-queue', { ...noted, 'surehop-dead-letter-queue': beforeLimit(500) }],
    [
      'surehop-dead-letter-reason with left-out parts',
      { ...noted, 'surehop-left-out': 'header "a"', 'surehop-dead-letter-reason': beforeLimit(500) },
    ],
    ['x-death', { 'x-death': [{ queue: 'loans', reason: beforeLimit(100), count: 1 }] }],
  ])(
    'a dead letter is archived if the largest length of the text in its header %s falls within a character of two UTF-16 code units',
    async (_, headers) => {
      const id = randomUUID();
      publish(id, 'surehop-dead-letter-id' in headers ? { ...headers, 'surehop-dead-letter-id': id } : headers);
      expect(await archive(anEvent(await deadLetters(1), 'dead-letters'))).toEqual({ archived: 1, duplicates: 0 });
    },
  );

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'a dead letter is archived if its x-death header contains the reason "%s", which JavaScript objects inherit as a property',
    async (reason) => {
      const id = randomUUID();
      publish(id, { 'x-death': [{ queue: 'loans', reason, count: 1 }] });
      publish(`${id}-neighbour`, {});
      expect(await archive(anEvent(await deadLetters(2), 'dead-letters'))).toEqual({ archived: 2, duplicates: 0 });
      const [deadLetter] = await listed({ text: id });
      expect(deadLetter).toMatchObject({ code: reason.toUpperCase(), queue: 'loans' });
    },
  );
});

describe('a dead letter that the archive cannot describe', () => {
  const archiveWith = async (about: object, records: readonly RabbitMqRecord[]) => {
    const table = archiveTable(await backend.surehop());
    const knownValues = createKnownValues(table, []);
    return archiveBatch(
      { table, queues: [], knownValues, clock: systemClock, ...about },
      anEvent(records, 'dead-letters'),
    );
  };

  test('if an error occurs while the archive describes a dead letter, the archive still stores the complete message of this dead letter, and stores the other dead letters of the batch as usual', async () => {
    const { record } = aNoted({}, { id: 'm-undescribed', body: { isbn: 'u' }, headers: { colour: 'red' } });
    const queues = [
      {
        get name(): string {
          throw new Error('no name');
        },
      },
    ];
    const records = [record, aRecord({ id: 'm-described' })];
    expect(await archiveWith({ queues }, records)).toEqual({ archived: 2, duplicates: 0 });
    expect(await archiveWith({ queues }, records)).toEqual({ archived: 0, duplicates: 2 });
    const [deadLetter] = await listed({ text: 'm-undescribed' });
    expect(deadLetter).toMatchObject({ code: 'UNKNOWN_ERROR', reason: expect.stringContaining('no name') });
    const { body } = await read(deadLetter.id);
    expect(body).toMatchObject({ body: { text: '{"isbn":"u"}' }, headers: { colour: 'red' } });
    expect(await listed({ text: 'm-described' })).toHaveLength(1);
  });

  test('if DynamoDB refuses the description of a dead letter, the dead letter is archived without its description, and the other dead letters of the batch are archived', async () => {
    const table = archiveTable(await backend.surehop());
    table.client.middlewareStack.add(
      (next) => async (args) => {
        if ((args.input as { Item?: { type?: { S?: string } } }).Item?.type?.S === 'refused')
          throw Object.assign(new Error('one text is invalid'), { name: 'ValidationException' });
        return next(args);
      },
      { step: 'initialize', name: 'refuses' },
    );
    try {
      const records = Array.from({ length: 40 }, (_, n) =>
        aRecord({ id: `m-refused-${n}`, type: n === 0 ? 'refused' : 'kept' }),
      );
      expect(await archiveWith({ table }, records)).toEqual({ archived: 40, duplicates: 0 });
      const [deadLetter] = await listed({ text: 'm-refused-0' });
      expect(deadLetter).toMatchObject({
        code: 'UNKNOWN_ERROR',
        reason: expect.stringContaining('one text is invalid'),
      });
    } finally {
      table.client.middlewareStack.remove('refuses');
    }
  });

  test('if DynamoDB refuses every attempt to store one dead letter of a batch, the archive stores the other dead letters of the batch before it throws the error', async () => {
    const table = archiveTable(await backend.surehop());
    table.client.middlewareStack.add(
      (next) => async (args) => {
        if ((args.input as { Item?: { messageId?: { S?: string } } }).Item?.messageId?.S === 'm-never')
          throw Object.assign(new Error('never'), { name: 'ValidationException' });
        return next(args);
      },
      { step: 'initialize', name: 'never' },
    );
    try {
      const ids = ['m-never', ...Array.from({ length: 40 }, (_, n) => `m-beside-${n}`)];
      await expect(
        archiveWith(
          { table },
          ids.map((id) => aRecord({ id })),
        ),
      ).rejects.toThrow('never');
      expect(await listed({ text: 'm-beside-39' })).toHaveLength(1);
    } finally {
      table.client.middlewareStack.remove('never');
    }
  });

  test.each([
    ['the table is missing', 'ResourceNotFoundException', 400],
    ['a permission is missing', 'AccessDeniedException', 400],
    ['DynamoDB is unavailable', 'InternalServerError', 500],
  ])(
    'if %s, the archive throws the error of DynamoDB instead of storing the dead letter without its headers',
    async (_, name, httpStatusCode) => {
      const table = archiveTable(await backend.surehop());
      const stored: string[] = [];
      const $metadata = { httpStatusCode, attempts: 3 };
      table.client.middlewareStack.add(
        (next) => async (args) => {
          const { Item: item } = args.input as { Item?: { code?: { S?: string } } };
          if (item?.code === undefined) return next(args);
          stored.push(String(item.code.S));
          throw Object.assign(new Error('no'), { name, $metadata });
        },
        { step: 'initialize', name: 'outage' },
      );
      try {
        await expect(archiveWith({ table }, [aNoted({ code: 'POISON' }).record])).rejects.toMatchObject({
          code: expect.stringMatching(/^(TABLE_MISSING|ACCESS_DENIED|STORE_UNAVAILABLE)$/),
        });
        expect([...new Set(stored)]).toEqual(['POISON']);
      } finally {
        table.client.middlewareStack.remove('outage');
      }
    },
  );
});

describe('the list', () => {
  const count = 53;
  beforeAll(async () => {
    const records = Array.from(
      { length: count },
      (_, index) =>
        aNoted({
          code: 'LISTED',
          queue: index % 2 ? 'notices' : 'loans',
          // Every three dead letters have the same time.
          at: new Date(Date.parse('2026-11-22T11:00:00.000Z') + Math.floor(index / 3) * 1_000).toISOString(),
        }).record,
    );
    await archive(anEvent(records, 'dead-letters'));
  });

  test.each<Record<string, string>>([
    {},
    { code: 'LISTED' },
    { code: 'LISTED', queue: 'notices' },
    { status: 'open', code: 'LISTED' },
  ])(
    'GET /dead-letters with the filter %p returns every matching dead letter once, page by page, newest first',
    async (filter) => {
      const found: { id: string; deadLetteredAt: string; code: string; queue: string }[] = [];
      let cursor: string | undefined;
      let pages = 0;
      do {
        const { status, body } = await callAsOperator(list, {
          route: 'GET /dead-letters',
          query: { ...filter, limit: '10', ...(cursor && { cursor }) },
        });
        expect(status).toBe(200);
        expect(body.deadLetters.length).toBeLessThanOrEqual(10);
        found.push(...body.deadLetters);
        ({ cursor } = body);
        pages += 1;
      } while (cursor);
      const times = found.map(({ deadLetteredAt }) => deadLetteredAt);
      expect(times).toEqual(times.toSorted().toReversed());
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
      const ours = found.filter(({ code }) => code === 'LISTED');
      expect(ours).toHaveLength('queue' in filter ? Math.floor(count / 2) : count);
      expect(pages).toBe(Math.ceil(found.length / 10));
    },
  );

  test('a page of dead letters that match a filter reads only part of a long list from DynamoDB', async () => {
    const table = archiveTable(await backend.surehop());
    let itemsRead = 0;
    table.client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        itemsRead += (result.output as { ScannedCount?: number }).ScannedCount ?? 0;
        return result;
      },
      { step: 'initialize', name: 'count-items' },
    );
    try {
      const { deadLetters, after } = await listDeadLetters(table, { status: 'open' }, { limit: 5 });
      expect(deadLetters).toHaveLength(5);
      expect(after).toBeDefined();
      expect(itemsRead).toBeGreaterThan(5);
      expect(itemsRead).toBeLessThan(count);
    } finally {
      table.client.middlewareStack.remove('count-items');
    }
  });

  test('GET /dead-letters returns 20 dead letters per page by default, without the bodies of the dead letters', async () => {
    const deadLetters = await listed({ code: 'LISTED' });
    expect(deadLetters).toHaveLength(20);
    expect(deadLetters[0].body).toBeUndefined();
  });

  test.each([
    { cursor: 'nonsense' },
    { cursor: Buffer.from('2026-11-22T11:00:00.000Z').toString('base64url') },
    { cursor: `${Buffer.from('2026-11-22T11:00:00.000Z#x').toString('base64url')}=` },
    { limit: '0' },
    { limit: '101' },
    { limit: 'ten' },
    { status: 'lost' },
    { colour: 'red' },
    { queue: 'laons' },
    { queue: 'LOANS' },
    { queue: 'loans,notices' },
    { queue: '' },
    { code: 'NOPE' },
    { code: 'boom' },
    { code: '' },
    { code: 'MALFORMED', queue: 'laons' },
  ])('GET /dead-letters with the query %p responds with 400', async (query) => {
    expect(await callAsOperator(list, { route: 'GET /dead-letters', query: query as never })).toMatchObject({
      status: 400,
      body: { type: 'urn:surehop:problem:invalid-parameters' },
    });
  });
});

describe('a filter with an unknown value', () => {
  const ask = async (query: Record<string, string>) =>
    (await callAsOperator(list, { route: 'GET /dead-letters', query })).body;

  test('if a filter of GET /dead-letters has an unknown value, the error lists the known values of the filter', async () => {
    expect(await ask({ queue: 'laons', code: 'NOPE' })).toMatchObject({
      status: 400,
      detail: '2 errors in the query.',
      errors: [
        {
          in: 'query',
          parameter: 'queue',
          detail: expect.stringMatching(/^unknown queue; known values: .*loans.*notices/),
        },
        { in: 'query', parameter: 'code', detail: expect.stringMatching(/^unknown code; known values: .*MALFORMED/) },
      ],
    });
    expect((await ask({ status: 'opne' })).errors).toEqual([
      { in: 'query', parameter: 'status', detail: expect.stringContaining('"open"|"redriven"|"discarded"') },
    ]);
    expect((await ask({ colour: 'red' })).errors).toEqual([
      {
        in: 'query',
        parameter: 'colour',
        detail: 'unknown field; known fields: queue, code, type, group, client, text, from, to, status, limit, cursor',
      },
    ]);
  });

  test('GET /dead-letters accepts the error code and the queue of a dead letter as filter values as soon as the dead letter is archived', async () => {
    const filter = { code: 'NO_SUCH_SHELF', queue: 'retired' };
    expect((await ask(filter)).errors).toHaveLength(2);
    const { note, record } = aNoted(filter);
    await archive(anEvent([record], 'dead-letters'));
    expect((await ask(filter)).deadLetters).toMatchObject([{ id: note.id }]);
    await callAsOperator(discard, {
      route: 'DELETE /dead-letters/{id}',
      path: { id: note.id },
      body: { reason: 'x' },
    });
    expect(await ask({ ...filter, status: 'open' })).toEqual({ deadLetters: [] });
    expect((await ask({ code: 'NOPE' })).errors[0].detail).toContain('NO_SUCH_SHELF');
  });

  test('GET /dead-letters/{id} responds with 404 for "known-values", which is the id of an internal DynamoDB item and not of a dead letter', async () => {
    expect((await read('known-values')).status).toBe(404);
  });
});

describe('discarding a dead letter', () => {
  let id: string;
  beforeEach(async () => {
    const { note, record } = aNoted();
    await archive(anEvent([record], 'dead-letters'));
    id = note.id;
  });
  const discarding = (body: unknown, which = id) =>
    callAsOperator(discard, { route: 'DELETE /dead-letters/{id}', path: { id: which }, body });

  test('discarding a dead letter keeps the message in the archive, and a second discard request gets the status 409', async () => {
    expect(await discarding({ reason: ' a test loan ' })).toMatchObject({
      status: 200,
      body: { id, status: 'discarded', discardReason: 'a test loan' },
    });
    expect((await read(id)).body).toMatchObject({ status: 'discarded', body: { base64: expect.any(String) } });
    expect(await discarding({ reason: 'again' })).toMatchObject({
      status: 409,
      body: { type: 'urn:surehop:problem:already-discarded' },
    });
    expect((await read(id)).body.discardReason).toBe('a test loan');
  });

  test.each([undefined, {}, { reason: '' }, { reason: '  ' }, { reason: 7 }])(
    'DELETE /dead-letters/{id} with the body %p responds with 400',
    async (body) => {
      expect((await discarding(body)).status).toBe(400);
      expect((await read(id)).body.status).toBe('open');
    },
  );

  test('reading or discarding a dead letter with an unknown id responds with 404', async () => {
    expect((await discarding({ reason: 'x' }, randomUUID())).status).toBe(404);
    expect((await read(randomUUID())).status).toBe(404);
  });
});
