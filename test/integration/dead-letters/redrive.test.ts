import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { deadLetterCopy } from '../../../lib/events/copies.ts';
import { MAX_REDRIVES, readEnvelope } from '../../../lib/events/envelope.ts';
import type { Headers } from '../../../lib/events/message.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { useExampleTopology } from '../../support/example/use-example.ts';
import { callAsOperator } from '../../support/as-client.ts';

const DAY_MS = 86_400_000;

let backend: Backend;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];
let redriveOne: HttpHandler;
let redriveMany: HttpHandler;
let get: HttpHandler;
let list: HttpHandler;
let discard: HttpHandler;

beforeAll(async () => {
  useExampleTopology();
  backend = await aBackend();
  await backend.declare();
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  ({ handler: redriveOne } = await import('../../../functions/dead-letters/redrive.ts'));
  ({ handler: redriveMany } = await import('../../../functions/dead-letters/redrive-many.ts'));
  ({ handler: list } = await import('../../../functions/dead-letters/list.ts'));
  ({ handler: get } = await import('../../../functions/dead-letters/get.ts'));
  ({ handler: discard } = await import('../../../functions/dead-letters/discard.ts'));
});

afterAll(() => backend.remove());

beforeEach(async () => {
  await backend.host.drain('loans');
  await backend.host.drain('notices');
});

/** Archives a message as a dead letter, as if the consumer of the queue `queue` had dead-lettered the message. */
async function archived({
  queue = 'loans',
  code = 'BOOM',
  body = '{"loan":1}',
  ageDays = 0,
  headers = {},
}: { queue?: string; code?: string; body?: string; ageDays?: number; headers?: Headers } = {}) {
  const messageId = randomUUID();
  const at = new Date(Date.now() - ageDays * DAY_MS).toISOString();
  const note = { id: randomUUID() as MessageId, code, reason: 'connection refused', queue, at };
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

/** Runs a function while the broker lacks a queue that the service declares. */
async function withoutQueue(queue: string, run: () => Promise<void>): Promise<void> {
  await backend.host.channel.deleteQueue(queue);
  try {
    await run();
  } finally {
    await backend.declare();
  }
}

const redrive = (id: string, body?: unknown) =>
  callAsOperator(redriveOne, { route: 'POST /dead-letters/{id}/redrive', path: { id }, body });
const redriveAll = (body: unknown) => callAsOperator(redriveMany, { route: 'POST /dead-letters/redrive', body });
const read = async (id: string) => (await callAsOperator(get, { route: 'GET /dead-letters/{id}', path: { id } })).body;

describe('redriving one dead letter', () => {
  test('redriving a dead letter publishes the message to the work queue as attempt 1, and adds the redrive to the list of actions on the archived dead letter', async () => {
    const { id, messageId, body } = await archived();
    expect(await redrive(id)).toMatchObject({
      status: 200,
      body: { id, status: 'redriven', queue: 'loans', messageId },
    });
    const [message, ...others] = await backend.host.drain('loans');
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
      history: [{ action: 'redriven', at: expect.any(String), redrives: 1 }],
    });
  });

  test('concurrent redrives of one dead letter publish copies with the same message id and the same redrive count', async () => {
    const { id, messageId } = await archived();
    const got = await Promise.all([redrive(id), redrive(id), redrive(id)]);
    for (const { status } of got) expect([200, 409]).toContain(status);
    expect(got.some(({ status }) => status === 200)).toBe(true);
    const copies = await backend.host.drain('loans');
    expect(copies.length).toBeGreaterThan(0);
    for (const copy of copies) {
      if (!copy) throw new Error('no message');
      expect(copy.properties.messageId).toBe(messageId);
      expect(readEnvelope(copy.properties.headers as Headers).redrives).toBe(1);
    }
    expect((await read(id)).history).toHaveLength(1);
  });

  test('a second redrive of a dead letter responds with 409 unless the request contains "force": true', async () => {
    const { id } = await archived({ headers: { 'surehop-redrives': 2 } });
    await redrive(id);
    expect(await redrive(id)).toMatchObject({ status: 409, body: { type: 'urn:surehop:problem:already-redriven' } });
    expect(await redrive(id, { force: true })).toMatchObject({ status: 200 });
    const copies = await backend.host.drain('loans');
    expect(copies.map((copy) => copy && readEnvelope(copy.properties.headers as Headers).redrives)).toEqual([3, 4]);
    expect((await read(id)).history).toHaveLength(2);
  });

  test('a redrive request for a message older than the inbox retention gets the status 409 unless it contains "force": true', async () => {
    const { id } = await archived({ ageDays: 15 });
    expect(await redrive(id)).toMatchObject({ status: 409, body: { type: 'urn:surehop:problem:too-old' } });
    expect(await backend.host.drain('loans')).toEqual([]);
    expect(await redrive(id, { force: true })).toMatchObject({ status: 200 });
    expect(await backend.host.drain('loans')).toHaveLength(1);
  });

  test('redriving a discarded dead letter responds with 409, and so does discarding a redriven dead letter', async () => {
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

  test('redriving a dead letter with an unknown id responds with 404, and redriving with an invalid request body responds with 400', async () => {
    expect((await redrive(randomUUID())).status).toBe(404);
    expect((await redrive(randomUUID(), { force: 'yes' })).status).toBe(400);
  });

  test('redriving a dead letter responds with 409 if the work queue of the message is unknown', async () => {
    await archive(anEvent([aRecord({ id: 'm-lost', body: {} })], 'dead-letters'));
    const { body } = await callAsOperator(list, { route: 'GET /dead-letters', query: { code: 'UNKNOWN_ERROR' } });
    expect(body.deadLetters).toMatchObject([{ messageId: 'm-lost' }]);
    expect(await redrive(body.deadLetters[0].id, { force: true })).toMatchObject({
      status: 409,
      body: { type: 'urn:surehop:problem:no-origin' },
    });
  });

  test('redriving a dead letter responds with 503 while the broker lacks the work queue of the message, and the dead letter stays open', async () => {
    const { id } = await archived({ queue: 'notices' });
    await withoutQueue('notices', async () => {
      expect(await redrive(id)).toMatchObject({ status: 503, body: { type: 'urn:surehop:problem:unroutable' } });
      expect(await read(id)).toMatchObject({ status: 'open', history: [] });
    });
    expect((await redrive(id)).status).toBe(200);
  });

  test.each([
    ['does not exist', 'gone'],
    ['is a delay queue', 'retry.1s'],
    ['is the dead-letter queue', 'dead-letters'],
    ['was retired and has no consumer', 'retired'],
  ])(
    'if the queue of a dead letter %s, the dead letter is not redriven even with "force": true, and the response has the status 409 and names the queue "%s"',
    async (_, queue) => {
      if (queue === 'retired')
        await backend.host.channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      const code = `NO_WORK_QUEUE_${queue.toUpperCase()}`;
      const { id } = await archived({ queue, code });
      for (const force of [false, true])
        expect(await redrive(id, { force })).toMatchObject({
          status: 409,
          body: {
            type: 'urn:surehop:problem:no-origin',
            detail: expect.stringContaining(`"${queue}", which is not a work queue of this service`),
          },
        });
      expect((await redriveAll({ filter: { code }, force: true })).body).toMatchObject({
        redriven: 0,
        skipped: [{ id, reason: 'no-origin' }],
      });
      expect(await read(id)).toMatchObject({ status: 'open', history: [] });
      if (queue !== 'gone') expect((await backend.host.channel.checkQueue(queue)).messageCount).toBe(0);
    },
  );
});

describe('a message with parts that AMQP cannot encode', () => {
  const leftOut = `header "a" (the name "${'n'.repeat(40)}" in the headers has 300 bytes, but AMQP allows at most 255)`;
  const headers = { 'surehop-left-out': leftOut };

  test('redriving a message with a header that AMQP cannot encode responds with 422 and the name of the header; with "force": true, the message is redriven', async () => {
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
    expect(await backend.host.drain('loans')).toHaveLength(1);
  });

  test('redriving a dead letter whose redrive count is already the maximum responds with 422, and a bulk redrive still redrives the other dead letters', async () => {
    const code = 'FORGED';
    const { id } = await archived({ code, headers: { 'surehop-redrives': MAX_REDRIVES } });
    const { id: last } = await archived({ code, headers: { 'surehop-redrives': MAX_REDRIVES - 1 } });
    const forced = { route: 'POST /dead-letters/{id}/redrive', path: { id }, body: { force: true } };
    const reason = expect.stringContaining('the largest number is 1000000000');
    expect(await callAsOperator(redriveOne, forced)).toMatchObject({
      status: 422,
      body: { type: 'urn:surehop:problem:unwritable', unwritable: reason },
    });
    expect(await backend.host.drain('loans')).toEqual([]);
    expect((await redriveAll({ filter: { code }, force: true })).body).toMatchObject({
      redriven: 1,
      unwritable: [{ id, reason }],
    });
    const copies = await backend.host.drain('loans');
    expect(copies.map((copy) => copy && readEnvelope(copy.properties.headers as Headers).redrives)).toEqual([
      MAX_REDRIVES,
    ]);
    expect(await read(last)).toMatchObject({ status: 'redriven' });
  });

  test('the response to a bulk redrive contains a separate list of the messages that AMQP cannot encode', async () => {
    const code = 'PARTLY';
    const { id } = await archived({ code, headers });
    for (let index = 0; index < 2; index += 1) await archived({ code });
    const answer = await callAsOperator(redriveMany, {
      route: 'POST /dead-letters/redrive',
      body: { filter: { code }, maximum: 2 },
    });
    expect(answer.body).toEqual({
      redriven: 2,
      selected: 2,
      skipped: [],
      failed: [],
      unwritable: [{ id, reason: leftOut }],
      more: false,
    });
  });
});

describe('bulk redrives', () => {
  test('a bulk redrive publishes at most "maximum" matching messages, starting with the oldest', async () => {
    const code = 'MANY';
    const wanted: string[] = [];
    for (let index = 0; index < 23; index += 1)
      wanted.push((await archived({ code, queue: 'notices', ageDays: (23 - index) / 1_000 })).messageId);
    await archived({ code, queue: 'loans' });
    const { id: old } = await archived({ code, queue: 'notices', ageDays: 15 });

    const sent: string[] = [];
    for (const [maximum, redriven, more] of [
      [10, 10, true],
      [10, 10, true],
      [3, 3, false],
      [10, 0, false],
    ] as const) {
      const got = await redriveAll({ filter: { queue: 'notices', code }, maximum });
      expect(got).toMatchObject({ status: 200, body: { redriven, failed: [], more } });
      expect(got.body.skipped).toEqual([{ id: old, reason: 'too-old' }]);
      const copies = await backend.host.drain('notices');
      sent.push(...copies.map((copy) => String(copy && copy.properties.messageId)));
    }
    expect(sent).toEqual(wanted);
    expect(await backend.host.drain('loans')).toEqual([]);

    expect((await redriveAll({ filter: { queue: 'notices', code }, force: true })).body).toMatchObject({
      redriven: 1,
      skipped: [],
    });
  });

  test('a bulk redrive publishes each of 320 messages once, although the service reads and publishes the messages in several groups', async () => {
    const code = 'LOTS';
    const records = Array.from({ length: 320 }, (_, index) => {
      const note = {
        id: randomUUID() as MessageId,
        code,
        reason: '',
        queue: 'loans',
        at: new Date(Date.now() - index * 1_000).toISOString(),
      };
      const { body, properties } = deadLetterCopy({ body: Buffer.from('1'), properties: { headers: {} } }, 'x', note);
      return aRecord({ raw: body, headers: properties.headers });
    });
    await archive(anEvent(records, 'dead-letters'));
    // A request ends before its function times out, so a slow machine needs several requests.
    let redriven = 0;
    for (let more = true; more;) {
      const { body } = await redriveAll({ filter: { code }, maximum: 1_000 });
      expect(body).toMatchObject({ skipped: [], failed: [], unwritable: [] });
      redriven += body.redriven;
      ({ more } = body);
    }
    expect(redriven).toBe(320);
    const copies = await backend.host.drain('loans');
    expect(new Set(copies.map((copy) => copy && copy.properties.messageId)).size).toBe(320);
  });

  test('a bulk redrive reports each message that could not be published and redrives the other messages', async () => {
    const code = 'MIXED';
    await archived({ code, queue: 'loans' });
    const { id } = await archived({ code, queue: 'notices' });
    await withoutQueue('notices', async () => {
      expect((await redriveAll({ filter: { code } })).body).toEqual({
        redriven: 1,
        selected: 2,
        skipped: [],
        failed: [{ id, code: 'UNROUTABLE' }],
        unwritable: [],
        more: false,
      });
      expect(await redriveAll({ filter: { code } })).toMatchObject({ status: 503 });
    });
  });

  test('if the first 51 messages of a bulk redrive cannot be published, the bulk redrive still publishes the next message', async () => {
    const code = 'FIRST_GONE';
    for (let index = 0; index < 51; index += 1) await archived({ code, queue: 'notices', ageDays: 1 });
    await archived({ code, queue: 'loans' });
    await withoutQueue('notices', async () =>
      expect((await redriveAll({ filter: { code }, maximum: 100 })).body).toMatchObject({ redriven: 1, more: false }),
    );
  });

  test('if the filter of a bulk redrive contains an unknown queue or code, the error lists the known values', async () => {
    expect(await redriveAll({ filter: { queue: 'laons', code: 'NOPE' } })).toMatchObject({
      status: 400,
      body: {
        type: 'urn:surehop:problem:invalid-body',
        detail: '2 errors in the body.',
        errors: [
          { pointer: '/filter/queue', detail: expect.stringMatching(/known values: .*loans.*notices/) },
          { pointer: '/filter/code', detail: expect.stringMatching(/known values: .*ATTEMPTS_EXHAUSTED/) },
        ],
      },
    });
    expect((await redriveAll({ filter: { colour: 'red' } })).body.errors).toEqual([
      {
        pointer: '/filter/colour',
        detail: 'unknown field; known fields: queue, code, type, group, client, text, from, to',
      },
    ]);
  });

  test.each([{}, { filter: {}, maximum: 0 }, { filter: {}, maximum: 1_001 }, { filter: { colour: 'red' } }])(
    'a bulk redrive with the body %p responds with 400',
    async (body) => {
      expect((await redriveAll(body)).status).toBe(400);
    },
  );
});
