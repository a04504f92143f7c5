import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { deadLetterCopy } from '../../../lib/events/copies.ts';
import { readEnvelope } from '../../../lib/events/envelope.ts';
import type { Headers } from '../../../lib/events/message.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { call } from '../../support/request.ts';
import { callAsOperator } from '../../support/as-client.ts';

const DAY_MS = 86_400_000;

let backend: Backend;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];
let redriveOne: HttpHandler;
let redriveMany: HttpHandler;
let get: HttpHandler;
let getOrder: HttpHandler;
let discard: HttpHandler;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  ({ handler: redriveOne } = await import('../../../functions/dead-letters/redrive.ts'));
  ({ handler: redriveMany } = await import('../../../functions/dead-letters/redrive-many.ts'));
  ({ handler: get } = await import('../../../functions/dead-letters/get.ts'));
  ({ handler: getOrder } = await import('../../../functions/orders/get-order.ts'));
  ({ handler: discard } = await import('../../../functions/dead-letters/discard.ts'));
});

afterAll(() => backend.remove());

beforeEach(async () => {
  await backend.host.drain('stock');
  await backend.host.drain('points');
});

/** Archives a dead letter as a consumer of `queue` would have written it. */
async function archived({
  queue = 'stock',
  code = 'BOOM',
  body = '{"order":1}',
  ageDays = 0,
  headers = {},
}: { queue?: string; code?: string; body?: string; ageDays?: number; headers?: Headers } = {}) {
  const messageId = randomUUID();
  const at = new Date(Date.now() - ageDays * DAY_MS).toISOString();
  const note = { id: randomUUID() as MessageId, code, reason: 'it went off', queue, at };
  const written = {
    'surehop-attempt': 4,
    'surehop-published-at': at,
    'x-colour': 'red',
    ...headers,
  };
  const copy = deadLetterCopy({ body: Buffer.from(body), properties: { headers: written } }, 'dead-letters', note);
  await archive(
    anEvent([aRecord({ id: messageId, raw: copy.body, headers: copy.properties.headers })], 'dead-letters'),
  );
  return { id: note.id as string, messageId, body };
}

const redrive = (id: string, body?: unknown) =>
  callAsOperator(redriveOne, { route: 'POST /dead-letters/{id}/redrive', path: { id }, body });
const redriveAll = (body: unknown) => callAsOperator(redriveMany, { route: 'POST /dead-letters/redrive', body });
const read = async (id: string) => (await callAsOperator(get, { route: 'GET /dead-letters/{id}', path: { id } })).body;

describe('redriving one dead letter', () => {
  test('puts the message back in its queue, its attempts counted afresh, and says so in the archive', async () => {
    const { id, messageId, body } = await archived();
    expect(await redrive(id)).toMatchObject({
      status: 200,
      body: { id, status: 'redriven', queue: 'stock', messageId },
    });
    const [message, ...others] = await backend.host.drain('stock');
    if (!message) throw new Error('no message');
    expect(others).toEqual([]);
    expect(message.content.toString()).toBe(body);
    expect(message.properties).toMatchObject({ messageId, deliveryMode: 2, headers: { 'x-colour': 'red' } });
    const envelope = readEnvelope(message.properties.headers as Headers);
    expect(envelope).toMatchObject({ attempt: 1, redrives: 1 });
    expect(envelope.deadLetter).toBeUndefined();
    expect(await read(id)).toMatchObject({
      status: 'redriven',
      redrivenAt: expect.any(String),
      history: [{ is: 'redriven', at: expect.any(String), redrives: 1 }],
    });
  });

  test('twice at once is harmless: both copies are the same message with the same number', async () => {
    const { id, messageId } = await archived();
    const got = await Promise.all([redrive(id), redrive(id), redrive(id)]);
    for (const { status } of got) expect([200, 409]).toContain(status);
    expect(got.some(({ status }) => status === 200)).toBe(true);
    const copies = await backend.host.drain('stock');
    expect(copies.length).toBeGreaterThan(0);
    for (const copy of copies) {
      if (!copy) throw new Error('no message');
      expect(copy.properties.messageId).toBe(messageId);
      expect(readEnvelope(copy.properties.headers as Headers).redrives).toBe(1);
    }
    expect((await read(id)).history).toHaveLength(1);
  });

  test('a second time is refused unless forced, and then the copy counts higher than any before', async () => {
    const { id } = await archived({ headers: { 'surehop-redrives': 2 } });
    await redrive(id);
    expect(await redrive(id)).toMatchObject({ status: 409, body: { type: 'urn:surehop:problem:already-redriven' } });
    expect(await redrive(id, { force: true })).toMatchObject({ status: 200 });
    const copies = await backend.host.drain('stock');
    expect(copies.map((copy) => copy && readEnvelope(copy.properties.headers as Headers).redrives)).toEqual([3, 4]);
    expect((await read(id)).history).toHaveLength(2);
  });

  test('of a message older than the inbox remembers is refused unless forced', async () => {
    const { id } = await archived({ ageDays: 15 });
    expect(await redrive(id)).toMatchObject({ status: 409, body: { type: 'urn:surehop:problem:too-old' } });
    expect(await backend.host.drain('stock')).toEqual([]);
    expect(await redrive(id, { force: true })).toMatchObject({ status: 200 });
    expect(await backend.host.drain('stock')).toHaveLength(1);
  });

  test('of a discarded one is refused, forced or not, and a redriven one is not discarded', async () => {
    const { id } = await archived();
    await callAsOperator(discard, { route: 'DELETE /dead-letters/{id}', path: { id }, body: { reason: 'x' } });
    for (const force of [false, true])
      expect(await redrive(id, { force })).toMatchObject({
        status: 409,
        body: { type: 'urn:surehop:problem:already-discarded' },
      });
    const { id: other } = await archived();
    await redrive(other);
    expect(
      await callAsOperator(discard, { route: 'DELETE /dead-letters/{id}', path: { id: other }, body: { reason: 'x' } }),
    ).toMatchObject({ status: 409, body: { type: 'urn:surehop:problem:already-redriven' } });
  });

  test('of what nobody knows is 404, and a wrong wish 400', async () => {
    expect((await redrive(randomUUID())).status).toBe(404);
    expect((await redrive(randomUUID(), { force: 'yes' })).status).toBe(400);
  });

  test('that nobody says where it came from is refused', async () => {
    await archive(anEvent([aRecord({ id: 'm-lost', body: {} })], 'dead-letters'));
    const { findByMessage } = await import('../../../lib/dead-letters/find-by-message.ts');
    const [letter] = await findByMessage('m-lost');
    expect(await redrive(letter!.id, { force: true })).toMatchObject({
      status: 409,
      body: { type: 'urn:surehop:problem:no-origin' },
    });
  });

  test('to a queue that is gone is 503, and leaves it open', async () => {
    const { id } = await archived({ queue: 'gone' });
    expect(await redrive(id)).toMatchObject({ status: 503, body: { type: 'urn:surehop:problem:unroutable' } });
    expect(await read(id)).toMatchObject({ status: 'open', history: [] });
  });
});

test('an order whose message the broker gave up on is a dead letter, and pending once it is redriven', async () => {
  const messageId = randomUUID();
  const death = { 'x-death': [{ queue: 'points', reason: 'expired', count: 1, time: Math.floor(Date.now() / 1_000) }] };
  await archive(anEvent([aRecord({ id: messageId, headers: death })], 'dead-letters'));
  const order = async () => (await call(getOrder, { route: 'GET /orders/{id}', path: { id: messageId } })).body;
  const before = await order();
  expect(before).toMatchObject({
    status: 'dead-lettered',
    consumers: { points: { outcome: 'dead-lettered', code: 'EXPIRED' }, stock: { outcome: 'pending' } },
  });
  expect((await redrive(before.consumers.points.deadLetterId)).status).toBe(200);
  expect(await order()).toMatchObject({ status: 'accepted', consumers: { points: { outcome: 'pending' } } });
  expect(await backend.host.drain('points')).toHaveLength(1);
});

describe('a message of which a part cannot be written', () => {
  const leftOut = 'header "a" (a name of 300 bytes, more than 255)';
  const headers = { 'surehop-left-out': leftOut };

  test('is not redriven without a word: the answer is final, names the part, and says how to leave it out', async () => {
    const { id } = await archived({ headers });
    const answer = await callAsOperator(redriveOne, {
      route: 'POST /dead-letters/{id}/redrive',
      path: { id },
      body: {},
    });
    expect(answer).toMatchObject({
      status: 422,
      body: { type: 'urn:surehop:problem:unwritable', unwritable: leftOut },
    });
    const forced = { route: 'POST /dead-letters/{id}/redrive', path: { id }, body: { force: true } };
    expect((await callAsOperator(redriveOne, forced)).status).toBe(200);
    expect(await backend.host.drain('stock')).toHaveLength(1);
  });

  test('is named apart where many are redriven, and takes no place from the others', async () => {
    const code = 'PARTLY';
    const { id } = await archived({ code, headers });
    for (let index = 0; index < 2; index += 1) await archived({ code });
    const answer = await callAsOperator(redriveMany, {
      route: 'POST /dead-letters/redrive',
      body: { filter: { code }, maximum: 2 },
    });
    expect(answer.body).toEqual({
      redriven: 2,
      skipped: [],
      failed: [],
      unwritable: [{ id, why: leftOut }],
      more: false,
    });
  });
});

describe('redriving many', () => {
  test('sends back what fits the filter, up to the maximum, oldest first, and says what is left', async () => {
    const code = 'MANY';
    const wanted: string[] = [];
    for (let index = 0; index < 23; index += 1)
      wanted.push((await archived({ code, queue: 'points', ageDays: (23 - index) / 1_000 })).messageId);
    await archived({ code, queue: 'stock' });
    const { id: old } = await archived({ code, queue: 'points', ageDays: 15 });

    const sent: string[] = [];
    for (const [maximum, redriven, more] of [
      [10, 10, true],
      [10, 10, true],
      [3, 3, false],
      [10, 0, false],
    ] as const) {
      const got = await redriveAll({ filter: { queue: 'points', code }, maximum });
      expect(got).toMatchObject({ status: 200, body: { redriven, failed: [], more } });
      expect(got.body.skipped).toEqual([{ id: old, why: 'too-old' }]);
      const copies = await backend.host.drain('points');
      sent.push(...copies.map((copy) => String(copy && copy.properties.messageId)));
    }
    expect(sent).toEqual(wanted);
    expect(await backend.host.drain('stock')).toEqual([]);

    expect((await redriveAll({ filter: { queue: 'points', code }, force: true })).body).toMatchObject({
      redriven: 1,
      skipped: [],
    });
  });

  test('goes on over more than one page and chunk', async () => {
    const code = 'LOTS';
    const records = Array.from({ length: 320 }, (_, index) => {
      const note = {
        id: randomUUID() as MessageId,
        code,
        reason: '',
        queue: 'stock',
        at: new Date(Date.now() - index * 1_000).toISOString(),
      };
      const { body, properties } = deadLetterCopy({ body: Buffer.from('1'), properties: { headers: {} } }, 'x', note);
      return aRecord({ raw: body, headers: properties.headers });
    });
    await archive(anEvent(records, 'dead-letters'));
    expect((await redriveAll({ filter: { code }, maximum: 1_000 })).body).toEqual({
      redriven: 320,
      skipped: [],
      failed: [],
      unwritable: [],
      more: false,
    });
    const copies = await backend.host.drain('stock');
    expect(new Set(copies.map((copy) => copy && copy.properties.messageId)).size).toBe(320);
  });

  test('names each one that could not be sent, and goes on with the others', async () => {
    const code = 'MIXED';
    await archived({ code, queue: 'stock' });
    const { id } = await archived({ code, queue: 'gone' });
    expect((await redriveAll({ filter: { code } })).body).toEqual({
      redriven: 1,
      skipped: [],
      failed: [{ id, code: 'UNROUTABLE' }],
      unwritable: [],
      more: false,
    });
    expect(await redriveAll({ filter: { code } })).toMatchObject({ status: 503 });
  });

  test('goes on behind more of them than go out at once', async () => {
    const code = 'FIRST_GONE';
    for (let index = 0; index < 51; index += 1) await archived({ code, queue: 'gone', ageDays: 1 });
    await archived({ code, queue: 'stock' });
    expect((await redriveAll({ filter: { code }, maximum: 100 })).body).toMatchObject({ redriven: 1, more: false });
  });

  test('by a value that no dead letter has ever had is refused, and says which ones there are', async () => {
    expect(await redriveAll({ filter: { queue: 'stokc', code: 'NOPE' } })).toMatchObject({
      status: 400,
      body: {
        type: 'urn:surehop:problem:invalid-body',
        detail: '2 faults in the body.',
        errors: [
          { pointer: '/filter/queue', detail: expect.stringMatching(/known are .*points.*stock/) },
          { pointer: '/filter/code', detail: expect.stringMatching(/known are .*ATTEMPTS_EXHAUSTED/) },
        ],
      },
    });
    expect((await redriveAll({ filter: { colour: 'red' } })).body.errors).toEqual([
      { pointer: '/filter/colour', detail: 'not a known field; known are queue, code' },
    ]);
  });

  test.each([{}, { filter: {}, maximum: 0 }, { filter: {}, maximum: 1_001 }, { filter: { colour: 'red' } }])(
    'cannot be asked for with %p',
    async (body) => {
      expect((await redriveAll(body)).status).toBe(400);
    },
  );
});
