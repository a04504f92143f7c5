import { spawn } from 'node:child_process';
import { hash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text as textOf } from 'node:stream/consumers';

import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import type { Channel } from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { RabbitMqRecord } from '../../../lib/message/delivery.ts';
import type { Identify } from '../../../lib/message/identify.ts';
import { createDeadLetters, type DeadLetters } from '../../../lib/dead-letters/dead-letters.ts';
import type { WorkQueue } from '../../../lib/rabbitmq/topology/topology.ts';
import { editDeadLetter } from '../../../lib/dead-letters/edit-dead-letter.ts';
import { getDeadLetter } from '../../../lib/dead-letters/get-dead-letter.ts';
import {
  discardRoute,
  editRoute,
  getRoute,
  listRoute,
  redriveRoute,
  startJobRoute,
  changeJobRoute,
} from '../../../lib/dead-letters/routes/index.ts';
import { store, tableName } from '../../../lib/dynamodb/store.ts';
import { auditTable, deadLetterTable } from '../../../lib/dynamodb/toolkit-tables.ts';
import { deadLetterCopy } from '../../../lib/events/copies.ts';
import { readEnvelope } from '../../../lib/events/envelope.ts';
import type { Headers } from '../../../lib/events/message.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { endpoint, type HttpHandler } from '../../../lib/http/endpoint.ts';
import type { Surehop } from '../../../lib/runtime/surehop.ts';
import { createTimelines } from '../../../lib/timeline/read-timeline.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { bundleScript, type BundledScript } from '../../support/bundle-script.ts';
import { dependenciesAt } from '../../support/consumer-dependencies.ts';
import { anEvent, anInvocation, aRecord, type GivenHeaders } from '../../support/delivery.ts';
import { tables } from '../../support/example/tables.ts';
import { queues } from '../../support/example/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { takeRecords } from '../../support/from-broker.ts';
import { call, type Got } from '../../support/request.ts';
import { answerLost, faultsOf } from '../../support/store-faults.ts';
import { scriptedConsumer, scriptedEvent } from '../../support/scripted-consumer.ts';
import { unreadableMarkers } from '../../support/unreadable-markers.ts';

let backend: Backend;
let surehop: Surehop;
let deadLetters: DeadLetters;
let handlers: Record<'get' | 'list' | 'edit' | 'redrive' | 'discard' | 'startJob' | 'changeJob', HttpHandler>;
let channel: Channel;
let parts: ReturnType<typeof dependenciesAt>;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  channel = await backend.host.rawChannel();
  surehop = await backend.surehop();
  deadLetters = createDeadLetters(surehop, queues);
  handlers = {
    get: endpoint(surehop, getRoute, getDeadLetter(surehop, [scriptedEvent])),
    list: endpoint(surehop, listRoute, deadLetters.list),
    edit: endpoint(surehop, editRoute, editDeadLetter(surehop, queues, [scriptedEvent])),
    redrive: endpoint(surehop, redriveRoute, deadLetters.redrive),
    discard: endpoint(surehop, discardRoute, deadLetters.discard),
    startJob: endpoint(surehop, startJobRoute, deadLetters.startJob),
    changeJob: endpoint(surehop, changeJobRoute, deadLetters.changeJob),
  };
  parts = dependenciesAt(process.env.DYNAMODB_ENDPOINT!, `${backend.host.name}-`, backend.host.publisher());
});
afterAll(() => backend.remove());
beforeEach(async () => {
  for (const queue of ['loans', 'dead-letters']) await backend.host.drain(queue);
});

interface About {
  readonly body?: unknown;
  readonly messageId?: string | null;
  readonly code?: string;
  readonly queue?: string;
  readonly type?: string | null;
  readonly headers?: GivenHeaders;
  readonly contentType?: string;
  readonly ageDays?: number;
}

const DAY_MS = 86_400_000;

/** Archives a message as a dead letter, as if the consumer of the queue `queue` had dead-lettered the message. */
async function archived({
  body = { isbn: 7 },
  messageId = randomUUID(),
  code = 'SCHEMA_MISMATCH',
  queue = 'loans',
  type = 'test.scripted',
  headers = {},
  contentType,
  ageDays = 0,
}: About = {}): Promise<string> {
  const at = new Date(Date.now() - ageDays * DAY_MS).toISOString();
  const note = { id: randomUUID() as MessageId, code, reason: 'it does not fit', queue, at };
  const own = { 'surehop-attempt': 4, 'surehop-published-at': at, 'surehop-schema-version': 1, 'x-colour': 'red' };
  const raw = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const copy = deadLetterCopy({ body: raw, properties: { headers: {} } }, 'dead-letters', note);
  const record = aRecord({
    id: messageId,
    type,
    contentType,
    raw,
    headers: { ...own, ...headers, ...copy.properties.headers },
  });
  await deadLetters.archive(anEvent([record], 'dead-letters'));
  return note.id;
}

const edit = (id: string, body: object, more: object = {}): Promise<Got> =>
  callAsOperator(handlers.edit, {
    route: 'POST /dead-letters/{id}/edit',
    path: { id },
    body: { body: { text: JSON.stringify(body) }, reason: 'the ISBN was a number', ...more },
  });
const redrive = (id: string, body: object = {}) =>
  callAsOperator(handlers.redrive, { route: 'POST /dead-letters/{id}/redrive', path: { id }, body });
const read = async (id: string) =>
  (await callAsOperator(handlers.get, { route: 'GET /dead-letters/{id}', path: { id } })).body;
const find = async (query: Record<string, string>) =>
  (await callAsOperator(handlers.list, { route: 'GET /dead-letters', query })).body.deadLetters as { id: string }[];

const consume = (records: readonly RabbitMqRecord[]) =>
  createConsumer(scriptedConsumer, parts)(anEvent(records), anInvocation());
const loansOf = async (isbn: string) => (await parts.read(tables.loans, { isbn }))?.available ?? 0;
const problem = (name: string) => `urn:surehop:problem:${name}`;

describe('checking an edited body', () => {
  test('a dry run of an edit names each field that does not match the schema of the event, and changes nothing', async () => {
    const id = await archived();
    expect(await edit(id, { isbn: 7, behave: 'never' }, { dryRun: true, reason: undefined })).toMatchObject({
      status: 200,
      body: {
        id,
        dryRun: true,
        isValid: false,
        schema: { type: 'test.scripted', version: 1 },
        faults: [{ path: '/isbn' }, { path: '/behave' }],
      },
    });
    expect((await edit(id, { isbn: 'a' }, { dryRun: true })).body).toMatchObject({ isValid: true, faults: [] });
    expect(await read(id)).toMatchObject({ status: 'open', history: [] });
    expect(await backend.host.drain('loans')).toEqual([]);
  });

  test('an edit whose body does not match the schema is refused and the response lists the faults, and an edit whose body is not JSON is refused too', async () => {
    const id = await archived();
    expect(await edit(id, { isbn: 8 })).toMatchObject({
      status: 422,
      body: { type: problem('invalid-message'), faults: [{ path: '/isbn' }] },
    });
    const text = (body: string) =>
      callAsOperator(handlers.edit, {
        route: 'POST /dead-letters/{id}/edit',
        path: { id },
        body: { body: { text: body }, reason: 'x' },
      });
    expect(await text('{"isbn":')).toMatchObject({ status: 422, body: { faults: [{ path: '' }] } });
    expect(await read(id)).toMatchObject({ status: 'open' });
  });

  test('if the service has no schema for the type of an edited message, the message is sent as the operator edited it, and the response says that there is no schema', async () => {
    const id = await archived({ type: 'unknown.type' });
    const checked = await edit(id, { anything: 1 }, { dryRun: true });
    expect(checked.body).toMatchObject({ isValid: true, faults: [] });
    expect(checked.body.schema).toBeUndefined();
    expect((await edit(id, { anything: 1 })).status).toBe(200);
    const [sent] = await takeRecords(channel, 'loans');
    expect(Buffer.from(sent!.data, 'base64').toString()).toBe('{"anything":1}');
  });

  test('the response with a dead letter names the fields of the archived body that do not match the schema', async () => {
    expect(await read(await archived())).toMatchObject({
      schema: { type: 'test.scripted', version: 1 },
      faults: [{ path: '/isbn', message: expect.any(String) }],
    });
    expect((await read(await archived({ body: { isbn: 'a' }, code: 'BOOM' }))).faults).toEqual([]);
  });

  test('for a CloudEvent in structured mode, the fields inside of the data are checked against the schema', async () => {
    const event = { specversion: '1.0', id: '1', source: '/shop', type: 'test.scripted', data: { isbn: 7 } };
    const id = await archived({
      body: event,
      type: null,
      contentType: 'application/cloudevents+json',
      messageId: null,
    });
    expect((await read(id)).faults).toMatchObject([{ path: '/data/isbn' }]);
    const sent = await edit(id, { ...event, data: { isbn: 'cloud' } });
    expect(sent).toMatchObject({ status: 200 });
    const report = await consume(await takeRecords(channel, 'loans'));
    expect(report.counts.completed).toBe(1);
    expect(await loansOf('cloud')).toBe(1);
  });

  test.each([
    ['no reason', { reason: undefined }, '/reason'],
    ['both a text and base64', { body: { text: '{}', base64: 'e30=' } }, '/body'],
    ['neither a text nor base64', { body: {} }, '/body'],
    ['an unknown field', { bodies: {} }, '/bodies'],
  ])('an edit request with %s is refused', async (_, more, pointer) => {
    expect(await edit(await archived(), {}, more)).toMatchObject({
      status: 400,
      body: { type: problem('invalid-body'), errors: [{ pointer }] },
    });
  });

  test('an edit of a dead letter is refused if the edited body is too large', async () => {
    const id = await archived();
    expect(await edit(id, { isbn: 'x'.repeat(262_144) })).toMatchObject({
      status: 413,
      body: { maxBodyBytes: 262_144 },
    });
    expect((await edit(id, { isbn: 'x'.repeat(250_000) }, { dryRun: true })).body).toMatchObject({ isValid: true });
    expect(await edit(id, { isbn: 'x'.repeat(2_000_000) })).toMatchObject({ status: 413 });
  });

  test('an edit of a dead letter is refused if the token lacks the scope dead-letters:edit', async () => {
    const authorization = `Bearer ${await backend.issuer.token(['dead-letters:read', 'dead-letters:redrive'])}`;
    const about = { route: 'POST /dead-letters/{id}/edit', path: { id: 'x' }, body: {}, headers: { authorization } };
    expect(await call(handlers.edit, about)).toMatchObject({
      status: 403,
      body: { type: problem('insufficient-scope') },
    });
  });
});

describe('sending an edited message', () => {
  test('the edited message has a new id, contains the edited body byte for byte and names the original dead letter, whose final status is "superseded"', async () => {
    const messageId = randomUUID();
    const id = await archived({ messageId, headers: { 'surehop-redrives': 2, 'x-death': [{ count: 1 }] } });
    // "é" in two characters must not be normalized to one.
    const body = { isbn: 'cafe\u0301' };
    const got = await edit(id, body);
    expect(got).toMatchObject({ status: 200, body: { id, status: 'superseded', queue: 'loans', isPublished: true } });
    const edited = got.body.messageId as string;
    expect(edited).not.toBe(messageId);
    const [sent, ...others] = await backend.host.drain('loans');
    if (!sent) throw new Error('no message');
    expect(others).toEqual([]);
    expect(sent.content.toString()).toBe(JSON.stringify(body));
    expect(sent.properties).toMatchObject({ messageId: edited, type: 'test.scripted', deliveryMode: 2 });
    const headers = sent.properties.headers as Headers;
    expect(headers).toMatchObject({ 'x-colour': 'red', 'surehop-edited-from': id });
    expect(Object.keys(headers).filter((name) => /dead-letter|death|attempt|redrives/.test(name))).toEqual([]);
    expect(readEnvelope(headers)).toMatchObject({ attempt: 1, redrives: 0, editedFrom: id, identity: { id: edited } });

    expect(await read(id)).toMatchObject({
      status: 'superseded',
      supersededBy: edited,
      history: [{ action: 'superseded', by: 'ada', reason: 'the ISBN was a number', messageId: edited }],
      edit: { messageId: edited, status: 'published', publishedAt: expect.any(String) },
    });
    const final = { status: 409, body: { type: problem('already-superseded'), supersededBy: edited } };
    expect(await redrive(id)).toMatchObject(final);
    expect(await redrive(id, { force: true })).toMatchObject(final);
    expect(await edit(id, { isbn: 'another' })).toMatchObject(final);
    expect(
      await callAsOperator(handlers.discard, {
        route: 'DELETE /dead-letters/{id}',
        path: { id },
        body: { reason: 'x' },
      }),
    ).toMatchObject(final);
    expect(await find({ status: 'superseded', text: id })).toMatchObject([{ id, supersededBy: edited }]);
    expect(await find({ status: 'open', text: id })).toEqual([]);
    expect(await backend.host.drain('loans')).toEqual([]);
  });

  test('the audit record of an edit is written in the transaction of the edit, and contains the id of the edited message', async () => {
    const id = await archived();
    const requestId = randomUUID();
    const about = { route: 'POST /dead-letters/{id}/edit', path: { id } };
    const body = { body: { base64: Buffer.from('{"isbn":"audit"}').toString('base64') }, reason: 'audited' };
    const got = await callAsOperator(handlers.edit, { ...about, body }, requestId);
    const { Item: item } = await store(surehop).send(
      new GetItemCommand({ TableName: tableName(surehop, auditTable), Key: { id: { S: requestId } } }),
    );
    expect(item).toMatchObject({ actor: { S: 'ada' }, reason: { S: 'audited' }, outcome: { S: 'succeeded' } });
    expect(JSON.parse(item!.requested!.S!)).toMatchObject({ messageId: got.body.messageId, bodyBytes: 16 });
  });

  test('repeating an edit of a dead letter gives the same response and publishes nothing again', async () => {
    const id = await archived();
    const [first, ...others] = await Promise.all([
      edit(id, { isbn: 'b' }),
      edit(id, { isbn: 'b' }),
      edit(id, { isbn: 'b' }),
    ]);
    for (const got of [first, ...others]) expect(got).toMatchObject({ status: 200, body: first.body });
    const records = await takeRecords(channel, 'loans');
    const report = await consume(records);
    expect(report.counts.completed).toBe(1);
    expect(await loansOf('b')).toBe(1);
    expect(await edit(id, { isbn: 'b' })).toMatchObject({ status: 200, body: first.body });
    expect(await backend.host.drain('loans')).toEqual([]);
    expect((await read(id)).history).toHaveLength(1);
  });

  test('if two operators edit a dead letter in different ways at the same time, one edited message is sent and the other edit is refused', async () => {
    const id = await archived();
    const got = await Promise.all([edit(id, { isbn: 'left' }), edit(id, { isbn: 'right' })]);
    expect(got.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    expect(await takeRecords(channel, 'loans')).toHaveLength(1);
  });

  test('if an edited message becomes a dead letter, this dead letter and the timeline name the dead letter that was edited, and an operator can edit the message again', async () => {
    const id = await archived();
    await edit(id, { isbn: 'c', behave: 'permanent' });
    await consume(await takeRecords(channel, 'loans'));
    await deadLetters.archive(anEvent(await takeRecords(channel, 'dead-letters'), 'dead-letters'));
    const { supersededBy } = await read(id);
    const [next] = await find({ text: supersededBy });
    expect(next).toMatchObject({ editedFrom: id, messageId: supersededBy, code: 'NEVER', status: 'open' });
    const timeline = await createTimelines(surehop, queues).read(supersededBy);
    expect(timeline?.messages).toMatchObject([{ messageId: supersededBy, editedFrom: id }]);
    expect((await edit(next!.id, { isbn: 'c' })).status).toBe(200);
    const report = await consume(await takeRecords(channel, 'loans'));
    expect(report.counts.completed).toBe(1);
    expect(await loansOf('c')).toBe(1);
  });

  test('if a message was edited several times, its state in each queue is the state of the latest edited version', async () => {
    const messageId = randomUUID();
    const states = () => createTimelines(surehop, queues).states(messageId);
    const id = await archived({ messageId });
    expect(await states()).toMatchObject({ loans: { state: 'dead-lettered', deadLetterId: id, attempt: 4 } });
    await edit(id, { isbn: 'first', behave: 'permanent' });
    expect(await states()).toMatchObject({ loans: { state: 'pending' }, notices: { state: 'pending' } });
    await consume(await takeRecords(channel, 'loans'));
    expect(await states()).toMatchObject({ loans: { state: 'dead-lettered', error: { code: 'NEVER' } } });
    await deadLetters.archive(anEvent(await takeRecords(channel, 'dead-letters'), 'dead-letters'));
    const { loans } = (await states())!;
    expect((await edit(loans!.deadLetterId!, { isbn: 'second' })).status).toBe(200);
    await consume(await takeRecords(channel, 'loans'));
    expect(await states()).toMatchObject({ loans: { state: 'completed' } });
    expect(await createTimelines(surehop, queues).states(randomUUID())).toBeUndefined();
  });

  const CLOUD_EVENT = 'application/cloudevents+json';
  /** Makes a consumer dead-letter the message in `record`, and archives the dead letter. Returns the id of the dead letter. */
  async function failedAgain(record: RabbitMqRecord): Promise<string> {
    expect((await consume([record])).counts['dead-letter']).toBe(1);
    const records: RabbitMqRecord[] = [];
    await eventually('the dead letter', async () => {
      records.push(...(await takeRecords(channel, 'dead-letters')));
      return records.length > 0;
    });
    await deadLetters.archive(anEvent(records, 'dead-letters'));
    const [found] = await find({ text: String(record.basicProperties.messageId), status: 'open' });
    return found!.id;
  }

  test('the type of an edited CloudEvent is taken from its edited body, after the first edit and after a second edit', async () => {
    const event = { specversion: '1.0', id: randomUUID(), source: '/shop', type: 'misspelt', data: { isbn: 'ce' } };
    const id = await archived({
      body: event,
      type: null,
      contentType: CLOUD_EVENT,
      messageId: null,
      code: 'UNKNOWN_TYPE',
      headers: { 'surehop-identified-id': `/shop ${event.id}`, 'surehop-identified-type': 'misspelt' },
    });
    const right = { ...event, type: 'test.scripted' };
    expect((await edit(id, { ...right, data: { isbn: 7 } }, { dryRun: true })).body).toMatchObject({
      schema: { type: 'test.scripted', version: 1 },
      faults: [{ path: '/data/isbn' }],
    });
    expect((await edit(id, { ...event, type: 'misspelt again' })).status).toBe(200);
    const [first] = await takeRecords(channel, 'loans');
    const again = await failedAgain(first!);
    expect(await read(again)).toMatchObject({ editedFrom: id, code: 'UNKNOWN_TYPE', type: 'misspelt again' });
    expect((await edit(again, right)).status).toBe(200);
    const [second] = await takeRecords(channel, 'loans');
    expect(Buffer.from(second!.data, 'base64').toString()).toBe(JSON.stringify(right));
    expect((await consume([second!])).counts.completed).toBe(1);
    expect(await loansOf('ce')).toBe(1);
  });

  test('a type that the operator gives has precedence over the type in the body of an edited CloudEvent', async () => {
    const event = { specversion: '1.0', id: randomUUID(), source: '/shop', type: 'misspelt', data: { isbn: 'given' } };
    const id = await archived({ body: event, type: null, contentType: CLOUD_EVENT, messageId: null });
    expect((await edit(id, event, { type: 'test.scripted' })).status).toBe(200);
    expect((await consume(await takeRecords(channel, 'loans'))).counts.completed).toBe(1);
    expect(await loansOf('given')).toBe(1);
  });

  test('for an edited message, the identify function of the consumer reads the type from the edited body', async () => {
    const identify: Identify = ({ body }) => ({ id: body.ref, type: body.kind });
    const consumer = createConsumer({ ...scriptedConsumer, identify }, parts);
    const ref = randomUUID();
    const id = await archived({
      body: { ref, kind: 'misspelt', isbn: 'identified' },
      type: null,
      messageId: null,
      code: 'UNKNOWN_TYPE',
      headers: { 'surehop-identified-id': ref, 'surehop-identified-type': 'misspelt' },
    });
    const { body } = await edit(id, { ref, kind: 'test.scripted', isbn: 'identified' });
    const records = await takeRecords(channel, 'loans');
    expect((await consumer(anEvent(records), anInvocation())).counts.completed).toBe(1);
    expect(await loansOf('identified')).toBe(1);
    // The edited message is recognized by its own id and not by the id in its body.
    expect(await parts.inbox.find('loans', [body.messageId, ref as MessageId])).toEqual(
      new Map([
        [body.messageId, expect.objectContaining({ state: 'completed' })],
        [ref, expect.objectContaining({ state: 'rejected', supersededBy: body.messageId })],
      ]),
    );
  });

  test('an operator can change the type and the version of a message when editing the message', async () => {
    const id = await archived({ type: 'misspelt', body: { isbn: 'd' }, headers: { 'surehop-schema-version': 9 } });
    expect((await edit(id, { isbn: 'd' }, { type: 'test.scripted', version: 1 })).status).toBe(200);
    const report = await consume(await takeRecords(channel, 'loans'));
    expect(report.counts.completed).toBe(1);
    expect(await loansOf('d')).toBe(1);
  });
});

describe('the original message of an edited dead letter', () => {
  test('if a redriven copy is published while the dead letter is edited, the consumer skips the copy, and only the edited message takes effect', async () => {
    const messageId = randomUUID();
    const id = await archived({ messageId, code: 'BOOM', body: { isbn: 'original' } });
    // The redrive has published its copy when the edit is made, and records itself afterwards.
    let edited: Got | undefined;
    const client = store(surehop);
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const { UpdateExpression } = args.input as { UpdateExpression?: string };
          if (commandName === 'UpdateItemCommand' && UpdateExpression?.includes('timesRedriven') && !edited)
            edited = await edit(id, { isbn: 'edited' });
          return next(args);
        },
      { step: 'initialize', name: 'editing' },
    );
    try {
      expect(await redrive(id)).toMatchObject({ status: 409, body: { type: problem('already-superseded') } });
    } finally {
      client.middlewareStack.remove('editing');
    }
    expect(edited).toMatchObject({ status: 200 });
    expect(await read(id)).toMatchObject({ status: 'superseded', timesRedriven: 0 });
    const records = await takeRecords(channel, 'loans');
    expect(records).toHaveLength(2);
    expect((await consume(records)).counts).toMatchObject({ completed: 1, duplicate: 1 });
    expect([await loansOf('original'), await loansOf('edited')]).toEqual([0, 1]);
  });

  test('a dead letter cannot be edited after a consumer has completed its redriven copy, even if the redriving process crashed before it recorded the redrive', async () => {
    const messageId = randomUUID();
    const id = await archived({ messageId, code: 'BOOM', body: { isbn: 'first' } });
    const copy = aRecord({
      id: messageId,
      type: 'test.scripted',
      body: { isbn: 'first' },
      headers: { 'surehop-redrives': 1, 'surehop-schema-version': 1 },
    });
    expect((await consume([copy])).counts.completed).toBe(1);
    expect(await edit(id, { isbn: 'second' })).toMatchObject({
      status: 409,
      body: { type: problem('already-processed') },
    });
    expect(await read(id)).toMatchObject({ status: 'open' });
    expect(await backend.host.drain('loans')).toEqual([]);
  });

  test('an edit is refused while a consumer holds the lease on another copy of the message', async () => {
    const messageId = randomUUID() as MessageId;
    const id = await archived({ messageId, code: 'BOOM', body: { isbn: 'leased' } });
    const payloadHash = hash('sha256', JSON.stringify({ isbn: 'leased' }));
    const lease = { id: messageId, payloadHash, redrives: 1, attempt: 1, owner: 'one', durationMs: 60_000 };
    expect(await parts.leases.take('loans', lease)).toBe(true);
    expect(await edit(id, { isbn: 'x' })).toMatchObject({ status: 409, body: { type: problem('being-processed') } });
    await parts.leases.release('loans', messageId, 'one');
    expect((await edit(id, { isbn: 'x' })).status).toBe(200);
  });

  test.each(unreadableMarkers)(
    'an edit is refused while the inbox marker of the original message is unreadable because it %s, and succeeds after an operator has corrected the marker',
    async (_, attributes) => {
      const messageId = randomUUID() as MessageId;
      const id = await archived({ messageId, code: 'BOOM', body: { isbn: 'unreadable' } });
      const base = {
        pk: { S: `loans#${messageId}` },
        payloadHash: { S: hash('sha256', JSON.stringify({ isbn: 'unreadable' })) },
      };
      const put = (Item: Record<string, AttributeValue>) =>
        store(surehop).send(new PutItemCommand({ TableName: `${backend.host.name}-inbox`, Item }));
      await put({ ...base, ...attributes });
      expect(await edit(id, { isbn: 'x' })).toMatchObject({
        status: 409,
        body: {
          type: problem('unreadable-marker'),
          detail: expect.stringContaining(`the inbox marker loans#${messageId} cannot be read`),
        },
      });
      expect(await read(id)).toMatchObject({ status: 'open' });
      await put({ ...base, state: { S: 'dead-lettered' }, redrives: { N: '0' }, attempt: { N: '4' } });
      expect((await edit(id, { isbn: 'x' })).status).toBe(200);
    },
  );

  test('an edit is refused if the dead letter was redriven or discarded, is too old, or names no queue', async () => {
    const redriven = await archived({ code: 'BOOM', body: { isbn: 'r' } });
    await redrive(redriven);
    expect(await edit(redriven, { isbn: 'r' })).toMatchObject({
      status: 409,
      body: { type: problem('already-redriven') },
    });
    const discarded = await archived();
    await callAsOperator(handlers.discard, {
      route: 'DELETE /dead-letters/{id}',
      path: { id: discarded },
      body: { reason: 'x' },
    });
    expect(await edit(discarded, { isbn: 'r' })).toMatchObject({
      status: 409,
      body: { type: problem('already-discarded') },
    });
    const old = await archived({ ageDays: 15 });
    expect(await edit(old, { isbn: 'old' })).toMatchObject({ status: 409, body: { type: problem('too-old') } });
    expect((await edit(old, { isbn: 'old' }, { force: true })).status).toBe(200);
    const lost = await archived({ queue: '' });
    expect(await edit(lost, { isbn: 'r' })).toMatchObject({ status: 409, body: { type: problem('no-origin') } });
    const retired = await archived({ queue: 'retired' });
    expect(await edit(retired, { isbn: 'r' }, { force: true })).toMatchObject({
      status: 409,
      body: { type: problem('no-origin'), detail: expect.stringContaining('"retired"') },
    });
    expect((await edit('none', { isbn: 'r' })).status).toBe(404);
  });

  test('a job skips the dead letters that were edited after the job had started', async () => {
    const id = await archived({ code: 'BOOM', body: { isbn: 'job' } });
    const job = { action: 'redrive', ids: [id], reason: 'all of them' };
    const started = await callAsOperator(handlers.startJob, { route: 'POST /dead-letters/jobs', body: job });
    await edit(id, { isbn: 'job' });
    const done = await callAsOperator(handlers.changeJob, {
      route: 'POST /dead-letters/jobs/{id}',
      path: { id: started.body.id },
      body: { action: 'continue' },
    });
    expect(done.body).toMatchObject({ status: 'done', progress: { done: 0, skipped: { 'already-superseded': 1 } } });
    expect(await takeRecords(channel, 'loans')).toHaveLength(1);
  });
});

describe('faults during an edit', () => {
  test('if DynamoDB commits the transaction of an edit and the reply is lost, the edit is made once', async () => {
    const id = await archived();
    const faults = faultsOf(store(surehop));
    faults.plan = answerLost;
    try {
      expect(await edit(id, { isbn: 'lost' })).toMatchObject({
        status: 503,
        body: { type: problem('store-unavailable') },
      });
    } finally {
      faults.remove();
    }
    expect(await read(id)).toMatchObject({ status: 'superseded', edit: { status: 'pending' } });
    expect(await edit(id, { isbn: 'lost' })).toMatchObject({ status: 200, body: { isPublished: true } });
    expect(await takeRecords(channel, 'loans')).toHaveLength(1);
    expect(await read(id)).toMatchObject({ edit: { status: 'published' } });
  });

  test('while the broker lacks the queue of an edited message, the archive shows the message as pending with the error, and the message is published after the queue exists again', async () => {
    const id = await archived({ queue: 'notices' });
    await backend.host.channel.deleteQueue('notices');
    expect(await edit(id, { isbn: 'queue' })).toMatchObject({
      status: 202,
      body: { status: 'superseded', isPublished: false, error: 'UNROUTABLE' },
    });
    expect(await read(id)).toMatchObject({ edit: { status: 'pending', error: expect.stringContaining('UNROUTABLE') } });
    const sweep = sweepIn(60_000);
    await expect(sweep()).rejects.toThrow('1 edited messages cannot be published yet');
    await backend.declare();
    await sweep();
    expect(await takeRecords(channel, 'notices')).toHaveLength(1);
    const { edit: after } = await read(id);
    expect(after).toMatchObject({ status: 'published' });
    expect(after.error).toBeUndefined();
    await sweep();
    expect(await takeRecords(channel, 'notices')).toEqual([]);
  });

  test('if the queue of an edited message is no longer a work queue, the message stays pending and is not published, and the original dead letter shows the reason', async () => {
    const id = await archived({ queue: 'notices' });
    await backend.host.channel.deleteQueue('notices');
    expect((await edit(id, { isbn: 'retired' })).status).toBe(202);
    await backend.declare();
    await expect(sweepIn(60_000, { loans: queues.loans })()).rejects.toThrow(
      '1 edited messages cannot be published yet',
    );
    expect(await read(id)).toMatchObject({
      edit: { status: 'pending', error: expect.stringContaining('"notices" is not a work queue of this service') },
    });
    expect(await takeRecords(channel, 'notices')).toEqual([]);
    await sweepIn(60_000)();
    expect(await takeRecords(channel, 'notices')).toHaveLength(1);
  });

  test('the DynamoDB items of an edited message get an expiry time only after the message is published; the item with the body expires a day after the item that describes the message', async () => {
    const id = await archived({ queue: 'notices' });
    await backend.host.channel.deleteQueue('notices');
    const { body } = await edit(id, { isbn: 'x'.repeat(1_000) });
    const items = async () => {
      const { Items: found = [] } = await store(surehop).send(
        new QueryCommand({
          TableName: tableName(surehop, deadLetterTable),
          KeyConditionExpression: 'id = :id',
          ExpressionAttributeValues: { ':id': { S: `edit#${body.messageId}` } },
          ConsistentRead: true,
        }),
      );
      return found;
    };
    expect((await items()).map(({ expiresAt }) => expiresAt)).toEqual([undefined, undefined]);
    await backend.declare();
    await sweepIn(60_000)();
    const after = await items();
    const [recordExpiry, partExpiry] = after.map(({ expiresAt }) => Number(expiresAt?.N));
    expect(partExpiry).toBe(recordExpiry! + 86_400);
    expect(after[0]?.kind).toBeUndefined();
    // DynamoDB deletes expired items one by one, and the archive must not fail in between.
    const { id: pk, part } = after[1]!;
    await store(surehop).send(
      new DeleteItemCommand({ TableName: tableName(surehop, deadLetterTable), Key: { id: pk!, part: part! } }),
    );
    const deadLetter = await read(id);
    expect(deadLetter).toMatchObject({ id, status: 'superseded' });
    expect(deadLetter.edit).toBeUndefined();
  });

  test('an edited message with a header that AMQP cannot encode is sent only with "force": true, and then without the header', async () => {
    const id = await archived({ headers: { 'x-large': 'y'.repeat(140_000) } });
    expect(await edit(id, { isbn: 'w' })).toMatchObject({
      status: 422,
      body: { type: problem('unwritable'), unwritable: expect.stringContaining('x-large') },
    });
    expect((await edit(id, { isbn: 'w' }, { force: true })).status).toBe(200);
    const report = await consume(await takeRecords(channel, 'loans'));
    expect(report.counts.completed).toBe(1);
  });
});

describe('a process that is killed while it edits a dead letter', () => {
  let script: BundledScript;
  beforeAll(() => {
    script = bundleScript('editing-process.ts');
  });
  afterAll(() => script?.remove());

  /**
   * Starts a process that replaces the message body of a dead letter by `text`, or redrives the dead letter if `text`
   * is missing. The process kills itself before or after the request `step`; `side` is `before` or `after`.
   */
  async function crash(step: string, side: string, id: string, text?: string) {
    const { amqpUrl, name } = backend.host;
    const input = { id, text, amqpUrl, endpoint: process.env.DYNAMODB_ENDPOINT, tablePrefix: `${name}-` };
    const child = spawn(process.execPath, [`${script.modulePath}.mjs`, step, side, JSON.stringify(input)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output, [, signal]] = await Promise.all([textOf(child.stdout), once(child, 'exit')]);
    return { signal: signal as string | null, output };
  }

  /**
   * The requests that an edit sends to DynamoDB and the broker, in order. The last two requests record in DynamoDB that
   * the message was published.
   */
  const steps = ['Query', 'GetItem', 'TransactWriteItems', 'publish', 'UpdateItem', 'UpdateItem 2'];
  const isStored = (step: string, side: string) =>
    steps.indexOf(step) + (side === 'after' ? 1 : 0) > steps.indexOf('TransactWriteItems');

  for (const step of steps)
    for (const beforeOrAfter of ['before', 'after'])
      test(`after the process was killed ${beforeOrAfter} the step "${step}", the edited message is processed exactly once and the original message never`, async () => {
        const messageId = randomUUID();
        const [original, edited] = [`original ${messageId}`, `edited ${messageId}`];
        const id = await archived({ messageId, code: 'BOOM', body: { isbn: original } });
        // A process has redriven the original message and died before it recorded the redrive.
        backend.host.channel.publish('', 'loans', Buffer.from(JSON.stringify({ isbn: original })), {
          messageId,
          type: 'test.scripted',
          headers: { 'surehop-redrives': 1, 'surehop-schema-version': 1 },
        });
        expect(await crash(step, beforeOrAfter, id, JSON.stringify({ isbn: edited }))).toMatchObject({
          signal: 'SIGKILL',
        });
        const { status, supersededBy, edit: stored } = await read(id);
        expect(status).toBe(isStored(step, beforeOrAfter) ? 'superseded' : 'open');
        const isRecorded = step === 'UpdateItem 2' && beforeOrAfter === 'after';
        expect(stored?.status).toBe(isRecorded ? 'published' : isStored(step, beforeOrAfter) ? 'pending' : undefined);
        // A message whose publish was not recorded is published again.
        const isPublished = steps.indexOf(step) + (beforeOrAfter === 'after' ? 1 : 0) > steps.indexOf('publish');
        const copies = isPublished && !isRecorded ? 2 : 1;

        await sweepIn(60_000)();
        const again = await edit(id, { isbn: edited });
        expect(again).toMatchObject({ status: 200, body: { isPublished: true } });
        if (supersededBy) expect(again.body.messageId).toBe(supersededBy);
        expect((await read(id)).edit).toMatchObject({ status: 'published' });
        const records: RabbitMqRecord[] = [];
        await eventually('the original message and every copy of the edited one', async () => {
          records.push(...(await takeRecords(channel, 'loans')));
          return records.length > copies;
        });
        const report = await consume(records);
        expect(report.counts).toMatchObject({ completed: 1, duplicate: copies });
        expect([await loansOf(original), await loansOf(edited)]).toEqual([0, 1]);
        expect(await redrive(id, { force: true })).toMatchObject({ status: 409 });
        expect(await takeRecords(channel, 'loans')).toEqual([]);
      });

  /**
   * Archives a message and starts a process that redrives it. The process is killed between the broker's confirm and
   * the record of the redrive.
   */
  async function redrivenByCrash(messageId: string, isbn: string): Promise<string> {
    const id = await archived({ messageId, code: 'BOOM', body: { isbn } });
    expect(await crash('publish', 'after', id)).toMatchObject({ signal: 'SIGKILL' });
    expect(await read(id)).toMatchObject({ status: 'open', timesRedriven: 0 });
    return id;
  }
  const failedOnce = { redrives: 0, code: 'BOOM', message: 'no answer' } as const;
  const hashOf = (isbn: string) => hash('sha256', JSON.stringify({ isbn }));
  const copyOf = (messageId: string, isbn: string, headers: GivenHeaders) =>
    aRecord({ id: messageId, type: 'test.scripted', body: { isbn }, headers });
  const untilQueued = async (count: number): Promise<RabbitMqRecord[]> => {
    const records: RabbitMqRecord[] = [];
    await eventually(`${count} messages in the queue loans`, async () => {
      records.push(...(await takeRecords(channel, 'loans')));
      return records.length >= count;
    });
    return records;
  };

  test('if a dead letter is edited after a killed process has redriven it, only the edited message takes effect, even if another message with the same id has an inbox marker', async () => {
    const messageId = randomUUID() as MessageId;
    const [other, mine, edited] = [`other ${messageId}`, `mine ${messageId}`, `edited ${messageId}`];
    await parts.inbox.recordHandoffs('loans', [
      { ...failedOnce, id: messageId, payloadHash: hashOf(other), attempt: 4, state: 'dead-lettered' },
    ]);
    const id = await redrivenByCrash(messageId, mine);
    expect((await edit(id, { isbn: edited })).status).toBe(200);
    const report = await consume(await untilQueued(2));
    expect(report.counts).toMatchObject({ completed: 1, duplicate: 1 });
    // A redriven copy of the other message is not lost: it becomes a dead letter that an operator can edit.
    const late = await consume([copyOf(messageId, other, { 'surehop-redrives': 1 })]);
    expect(late.notCompleted).toMatchObject([{ code: 'PAYLOAD_MISMATCH' }]);
    expect(await backend.host.drain('dead-letters')).toHaveLength(1);
    expect([await loansOf(other), await loansOf(mine), await loansOf(edited)]).toEqual([0, 0, 1]);
  });

  test('a dead letter cannot be edited while another message with the same message id is retried, and can be edited after that other message has completed', async () => {
    const messageId = randomUUID() as MessageId;
    const [other, mine, edited] = [`other ${messageId}`, `mine ${messageId}`, `edited ${messageId}`];
    await parts.inbox.recordHandoffs('loans', [
      { ...failedOnce, id: messageId, payloadHash: hashOf(other), attempt: 1, state: 'retrying' },
    ]);
    const id = await redrivenByCrash(messageId, mine);
    expect(await edit(id, { isbn: edited })).toMatchObject({
      status: 409,
      body: { type: problem('being-processed') },
    });
    expect(await read(id)).toMatchObject({ status: 'open' });
    expect((await consume([copyOf(messageId, other, { 'surehop-attempt': 2 })])).counts.completed).toBe(1);
    expect((await edit(id, { isbn: edited })).status).toBe(200);
    expect((await consume(await untilQueued(2))).counts).toMatchObject({ completed: 1, 'dead-letter': 1 });
    expect([await loansOf(other), await loansOf(mine), await loansOf(edited)]).toEqual([1, 0, 1]);
  });

  test('the tests of crashes during an edit cover every request that an edit sends to DynamoDB and the broker', async () => {
    const id = await archived({ code: 'BOOM' });
    const { signal, output } = await crash('none', 'before', id, JSON.stringify({ isbn: 'none' }));
    expect([signal, JSON.parse(output)]).toEqual([null, steps]);
  });
});

describe('a consumer that processes a copy of the original message during the edit', () => {
  const copyOf = (messageId: string, isbn: string) =>
    aRecord({
      id: messageId,
      type: 'test.scripted',
      body: { isbn },
      headers: { 'surehop-redrives': 1, 'surehop-schema-version': 1 },
    });

  test('if a dead letter is edited between the business rule and the commit of the original message, the consumer skips the original message', async () => {
    const messageId = randomUUID();
    const id = await archived({ messageId, code: 'BOOM', body: { isbn: 'deciding' } });
    const decide: typeof scriptedConsumer.decide = async (...args) => {
      expect((await edit(id, { isbn: 'decided' })).status).toBe(200);
      return scriptedConsumer.decide(...args);
    };
    const consumer = createConsumer({ ...scriptedConsumer, decide, timeLimit: '30s' }, parts);
    const report = await consumer(anEvent([copyOf(messageId, 'deciding')]), anInvocation());
    expect(report.counts).toMatchObject({ completed: 0, duplicate: 1 });
    expect((await consume(await takeRecords(channel, 'loans'))).counts.completed).toBe(1);
    expect([await loansOf('deciding'), await loansOf('decided')]).toEqual([0, 1]);
  });

  test('an edit is refused if a consumer commits the original message before the transaction of the edit is sent', async () => {
    const messageId = randomUUID();
    const id = await archived({ messageId, code: 'BOOM', body: { isbn: 'committed' } });
    const faults = faultsOf(store(surehop));
    faults.plan = async () => {
      await consume([copyOf(messageId, 'committed')]);
      return undefined;
    };
    try {
      expect(await edit(id, { isbn: 'late' })).toMatchObject({
        status: 409,
        body: { type: problem('already-processed') },
      });
    } finally {
      faults.remove();
    }
    expect(await read(id)).toMatchObject({ status: 'open' });
    expect([await loansOf('committed'), await loansOf('late')]).toEqual([1, 0]);
    expect(await takeRecords(channel, 'loans')).toEqual([]);
  });
});

/**
 * Returns the scheduled function that publishes edited messages which are still pending. Its clock is `ms` milliseconds
 * ahead, so that the pending messages are due.
 */
function sweepIn(ms: number, workQueues: Readonly<Record<string, WorkQueue>> = queues): () => Promise<void> {
  const later = createDeadLetters(
    { ...surehop, clock: { now: () => surehop.clock.now() + ms } },
    workQueues,
  ).continueJobs();
  return () => later({}, { getRemainingTimeInMillis: () => 50_000 });
}
