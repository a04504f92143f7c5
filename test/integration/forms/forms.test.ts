import { readFileSync } from 'node:fs';

import { TransactWriteItemsCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { tables } from '../../../infra/tables.ts';
import { orderCreated, orderRejected } from '../../../functions/orders/events.ts';
import type { ConsumerPorts } from '../../../lib/consumer/dependencies.ts';
import { decode, type RabbitMqRecord } from '../../../lib/message/delivery.ts';
import { createKnownValues } from '../../../lib/dead-letters/known-values.ts';
import { readCursor, writeCursor } from '../../../lib/dead-letters/list.ts';
import { toDeadLetter, type DeadLetter } from '../../../lib/archive/dead-letter.ts';
import { readDeadLetter } from '../../../lib/dead-letters/read.ts';
import { pendingWrites, readEdited, recordFailure, recordPublished } from '../../../lib/dead-letters/edited-message.ts';
import {
  recordDiscard,
  recordRedrive,
  recordUnwritable,
  supersededWrite,
} from '../../../lib/dead-letters/record-action.ts';
import { storeDeadLetter } from '../../../lib/archive/store-dead-letter.ts';
import {
  bareDeadLetter,
  deadLetterCopy,
  editedMessage,
  postponedCopy,
  redrivenCopy,
  retryCopy,
} from '../../../lib/events/copies.ts';
import type { Handoff } from '../../../lib/inbox/inbox.ts';
import { queueSamples } from '../../../lib/operations/queue-samples.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import type { Message } from '../../../lib/events/message.ts';
import { eventMessage } from '../../../lib/events/publish.ts';
import { audited } from '../../../lib/http/audit.ts';
import { claimKey, markAccepted, type Intake } from '../../../lib/http/idempotency/intake-record.ts';
import { supersede } from '../../../lib/inbox/supersede.ts';
import { createSurehop, type Surehop } from '../../../lib/runtime/surehop.ts';
import { aDelivery, anEvent } from '../../support/delivery.ts';
import { openStore, type TestStore } from '../../support/store.ts';

type Items = Readonly<Record<string, Record<string, AttributeValue>>>;

interface Forms {
  /**
   * For each kind of message: one published message, its record in a Lambda event, and the values that the current code
   * must read from this record.
   */
  readonly messages: Readonly<
    Record<string, { readonly published: object; readonly record: RabbitMqRecord; readonly read: object }>
  >;
  /** One DynamoDB item of each kind that the service writes, by table name and key. */
  readonly items: Readonly<Record<string, Items>>;
  /** The values that the current code is expected to read from the DynamoDB items in `items`. */
  readonly read: Readonly<Record<string, unknown>>;
  readonly cursor: string;
}

/**
 * The frozen format of every message and DynamoDB item. Later releases may add headers and attributes, but must not
 * rename, remove or retype existing ones (docs/adr/018-frozen-forms.md).
 */
const forms = JSON.parse(
  readFileSync(new URL('./forms.json', import.meta.url), 'utf8'),
  // The JSON file contains bytes as base64.
  (key, value: unknown) => (key === 'B' && typeof value === 'string' ? Buffer.from(value, 'base64') : value),
) as Forms;

const QUEUE = 'stock';
const id = (name: string) => `form-${name}` as MessageId;
const HASH = 'a'.repeat(64);
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const publishedAtMs = Date.parse('2026-03-01T12:00:00.250Z');
const order = {
  orderId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
  customerId: 'ada',
  currency: 'EUR',
  items: [{ sku: 'apple', quantity: 2, unitPrice: 150 }],
};
const rejection = {
  orderId: order.orderId,
  customerId: 'ada',
  currency: 'EUR',
  total: 300,
  reason: 'OUT_OF_STOCK' as const,
};
const note = {
  id: id('dead-letter'),
  code: 'ATTEMPTS_EXHAUSTED',
  reason: 'the warehouse refused',
  frames: ['reserve (functions/reserve.ts:4:21)', 'functions/handler.ts:6:12'],
  queue: QUEUE,
  at: '2026-03-01T12:00:09.000Z',
};

const failedAttempts = [
  {
    attempt: 1,
    at: '2026-03-01T12:00:01.000Z',
    delayMs: 1_000,
    code: 'RULE_FAILED',
    message: 'the warehouse refused',
  },
];
const facts = {
  type: 'order.created',
  correlationId: id('request'),
  publishedAt: '2026-03-01T12:00:00.250Z',
  startedAt: '2026-03-01T12:00:00.250Z',
  traceId: TRACE.slice(3, 35),
  failedAttempts,
};
const sample = {
  takenAt: '2026-03-01T12:00:00.250Z',
  queues: { [QUEUE]: { ready: 3, unacknowledged: 2, acknowledged: 100, deadLettered: 1 } },
  delayQueues: { 'retry.1s': 4 },
};

/** Creates one message of each kind, such as an event, a retry copy and a dead letter, with the production code. */
function publishedMessages(): Record<string, Message> {
  const about = { appId: 'surehop', publishedAtMs, trace: { traceparent: TRACE, tracestate: 'vendor=1' } };
  const first = eventMessage(orderCreated, order, { ...about, id: id('first'), correlationId: id('request') });
  const retried = retryCopy(first, QUEUE, 'retry.1s', 2);
  const foreign = {
    body: Buffer.from('{"order":7}'),
    properties: { contentType: 'application/json', headers: { 'x-tenant': 'ada' } },
    identity: { id: id('identified'), type: 'order.placed', version: 2 },
  };
  const deadLettered = deadLetterCopy(retried, 'dead-letters', note, 'the header x: not UTF-8');
  return {
    first,
    retried,
    failedTwice: retryCopy(retried, QUEUE, 'retry.2s', 3, failedAttempts),
    identified: retryCopy(foreign, QUEUE, 'retry.1s', 2),
    postponed: postponedCopy(first, QUEUE, 'retry.1s', 1),
    deadLettered,
    bareDeadLetter: bareDeadLetter(retried, 'dead-letters', note, 'the header x: not UTF-8'),
    redriven: redrivenCopy(
      deadLettered,
      { exchange: '', routingKey: QUEUE },
      { redrives: 1, at: '2026-03-01T13:00:00.000Z' },
    ),
    edited: editedMessage(
      deadLettered,
      { exchange: '', routingKey: QUEUE },
      {
        id: id('edited'),
        body: Buffer.from(JSON.stringify({ ...order, customerId: 'bea' })),
        type: 'order.created',
        version: 1,
        key: 'bea',
        editedFrom: note.id,
        atMs: publishedAtMs + 3_600_000,
      },
    ),
    followUp: eventMessage(orderRejected, rejection, { ...about, id: id('follow-up'), correlationId: id('first') }),
  };
}

const plain = ({ body, ...message }: Message) => ({ ...message, body: body.toString() });

let store: TestStore;
let ports: ConsumerPorts;
let surehop: Surehop;

beforeAll(async () => {
  store = await openStore();
  ports = store.ports();
  surehop = createSurehop({
    environment: { TABLE_PREFIX: store.prefix, LOG_LEVEL: 'ERROR', POWERTOOLS_METRICS_DISABLED: 'true' },
    clients: { dynamodb: store.client },
    clock: store.clock,
  });
});

afterAll(() => store.close());

const archive = () => ({ client: store.client, tablePrefix: store.prefix, retentionDays: 90 });
const intake = (orderId: string): Intake => ({
  surehop,
  table: tables.orders,
  key: { orderId },
  payload: order,
  client: 'shop',
});

/** Writes DynamoDB items of each kind with the current code, and returns the written items. */
async function writtenItems(): Promise<Record<string, Items>> {
  const event = { type: 'order.rejected', version: 1, exchange: 'orders' };
  const entry = (name: string) => ({ id: id(name), payloadHash: HASH, redrives: 0, attempt: 1 });
  const followUp = { event: { ...orderRejected, ...event }, data: rejection };
  await ports.inbox.commit(
    QUEUE,
    [
      { ...entry('completed'), decision: { effects: [], events: [followUp] } },
      {
        ...entry('rejected'),
        decision: {
          effects: [
            { kind: 'add', table: tables.stock, key: { sku: 'none' }, attribute: 'available', by: -1, atLeast: 0 },
          ],
          otherwise: { outcome: 'rejected', reason: 'OUT_OF_STOCK', effects: [], events: [followUp] },
        },
      },
    ],
    AbortSignal.timeout(30_000),
  );
  await ports.inbox.commit(
    QUEUE,
    [
      {
        ...entry('described'),
        facts: { ...facts, attempt: 2, redrives: 1 },
        decision: { effects: [tables.stock.put({ sku: 'form' }, { available: 1 })] },
      },
    ],
    AbortSignal.timeout(30_000),
  );
  const handoff = (name: string, state: Handoff['state']): Handoff => ({
    ...entry(name),
    attempt: 2,
    redrives: 1,
    state,
    code: 'RULE_FAILED',
    message: 'the warehouse refused',
  });
  await ports.inbox.recordHandoffs(QUEUE, [handoff('retrying', 'retrying'), handoff('dead-lettered', 'dead-lettered')]);
  await ports.inbox.recordHandoffs(QUEUE, [{ ...handoff('retryingAgain', 'retrying'), facts }]);
  await ports.inbox.claimDeadLetters(QUEUE, [handoff('claimed', 'dead-lettered')]);
  const lease = (name: string) => ({ ...entry(name), owner: 'owner-1', durationMs: 60_000 });
  await ports.leases.take(QUEUE, lease('leased'));
  await ports.leases.take(QUEUE, lease('performed'));
  await ports.inbox.commit(
    QUEUE,
    [{ ...entry('performed'), decision: { effects: [] }, leaseOwner: 'owner-1' }],
    AbortSignal.timeout(30_000),
  );
  await ports.blockedKeys.write(QUEUE, 'ada', { ids: [id('a'), id('b')], firstSeenAtMs: publishedAtMs }, undefined);
  await ports.openBatches.begin(QUEUE, [['ada', [id('a'), id('b')]]], undefined);
  const endsByMs = publishedAtMs + 30_000;
  await ports.attemptLog.begin(QUEUE, [id('suspect')], { kind: 'together', id: 'run-1', endsByMs });
  await ports.attemptLog.begin(QUEUE, [id('suspect')], { kind: 'isolated', id: 'run-2', endsByMs });
  await ports.progress.record(QUEUE, { oldestPublishedAt: note.at, at: note.at });

  const delivery = aDelivery({ id: 'form-archived', type: 'order.created', body: order, headers: { note: 'é' } });
  const deadLetter = (name: string) =>
    toDeadLetter(
      delivery,
      {
        id: id(name),
        queue: QUEUE,
        shard: QUEUE,
        code: note.code,
        reason: note.reason,
        frames: note.frames.join('\n'),
        deadLetteredAt: note.at,
      },
      publishedAtMs,
    );
  for (const name of ['open', 'redriven', 'discarded', 'superseded', 'versioned'])
    await storeDeadLetter(deadLetter(name), delivery, archive());
  await storeDeadLetter({ ...deadLetter('attempted'), failedAttempts }, delivery, archive());
  await queueSamples(surehop).store(sample);
  await recordRedrive(archive(), deadLetter('redriven'), { action: 'redriven', at: note.at, redrives: 1 });
  await recordDiscard(archive(), id('discarded'), { action: 'discarded', at: note.at, reason: 'tested' });
  await recordUnwritable(archive(), id('open'), 'the header x: not UTF-8');
  await writeEdit(deadLetter('superseded'));
  await createKnownValues(archive(), []).add({ queue: 'retired', code: 'OWN_CODE' });

  const request = { surehop, id: 'form-request', client: 'operator', route: 'POST /dead-letters/{id}/redrive' };
  const change = { subject: 'dead-letters/17', requested: { force: true }, reason: 'the warehouse is back' };
  await audited(request, change, async () => {});
  await claimKey(intake('form-publishing'));
  await claimKey(intake('form-accepted'));
  await markAccepted(intake('form-accepted'));

  const names = ['inbox', 'dead-letters', 'audit', 'orders', 'queue-samples'];
  const all = await Promise.all(names.map(async (table) => [table, await store.all(table)] as const));
  return Object.fromEntries(all.map(([table, items]) => [table, byKey(items)]));
}

/**
 * Writes the DynamoDB items of two edits of a dead letter: the message of one edit is pending, and the message of the
 * other is published.
 */
async function writeEdit({ id: deadLetterId, payloadHash }: DeadLetter): Promise<void> {
  const by = { at: note.at, by: 'operator', reason: 'the customer was wrong' };
  const inbox = { client: store.client, name: `${store.prefix}inbox`, clock: store.clock };
  const original = { queue: QUEUE, id: id('superseded'), payloadHash, by: id('edited'), retentionDays: 90 };
  const rejection = await supersede(inbox, original);
  const edited = (name: string) => ({ messageId: id(name), deadLetterId, queue: QUEUE, shard: QUEUE, at: note.at });
  const message = publishedMessages()['edited']!;
  await store.client.send(
    new TransactWriteItemsCommand({
      TransactItems: [
        supersededWrite(archive(), deadLetterId, { action: 'superseded', messageId: id('edited'), ...by }),
        ...pendingWrites(archive(), edited('edited'), message),
        ...pendingWrites(archive(), edited('edited-published'), message),
        ...(rejection.is === 'possible' && rejection.write ? [rejection.write] : []),
      ],
    }),
  );
  await recordFailure(archive(), edited('edited'), 'UNROUTABLE: no queue');
  await recordPublished(archive(), edited('edited-published'), 'published', message, publishedAtMs);
}

const byKey = (items: readonly Record<string, AttributeValue>[]): Items =>
  Object.fromEntries(
    items
      .map(
        (item) =>
          [
            [item.pk?.S, item.id?.S, item.part?.N, item.orderId?.S, item.minute?.S].filter(Boolean).join('/'),
            item,
          ] as const,
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );

/** Replaces the span ids and versions in a value by placeholders, because they differ in every test run. */
const steady = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value, (key, part: unknown) => {
      if (key === 'traceparent' && typeof part === 'string') return part.replace(/-[0-9a-f]{16}-/, '-<span>-');
      if (key === 'version' && typeof part === 'object') return { S: '<version>' };
      // A later release may also add fields to JSON that is stored as a string.
      if (key === 'S' && typeof part === 'string' && /^[[{]/.test(part)) return JSON.parse(part) as unknown;
      return part;
    }),
  ) as T;

describe('messages', () => {
  test.each(Object.keys(forms.messages))(
    'the current code publishes the message "%s" with the headers and properties that earlier releases published',
    (name) => {
      expect(steady(plain(publishedMessages()[name]!))).toMatchObject(forms.messages[name]!.published);
    },
  );

  test.each(Object.keys(forms.messages))(
    'the current code can read the message "%s" that an earlier release published',
    (name) => {
      const { record, read } = forms.messages[name]!;
      const [delivery] = decode(anEvent([record]));
      const { id, envelope, payloadHash } = delivery!;
      expect(JSON.parse(JSON.stringify({ id, envelope, payloadHash }))).toMatchObject(read);
    },
  );

  test('forms.json, which records the wire and stored forms of all releases, contains every kind of message that the current code publishes', () => {
    expect(Object.keys(forms.messages).toSorted()).toEqual(Object.keys(publishedMessages()).toSorted());
  });
});

describe('items', () => {
  test('DynamoDB items of every kind that the current code writes have all attributes that earlier releases wrote', async () => {
    const written = steady(await writtenItems());
    for (const [table, items] of Object.entries(steady(forms.items)))
      for (const [key, item] of Object.entries(items).filter(
        ([, item]) => !('bytes' in item || ('parts' in item && table === 'inbox')),
      ))
        expect({ table, key, item: written[table]?.[key] }).toMatchObject({ table, key, item });
  });

  test('the current code can read the items of every kind that earlier releases wrote to the inbox table and the archive of dead letters', async () => {
    for (const [table, items] of Object.entries(forms.items))
      for (const item of Object.values(items)) await store.put(table, item);
    expect(JSON.parse(JSON.stringify(await readItems()))).toMatchObject(forms.read);
  });

  test('the current code recognizes idempotency records of earlier releases, both for an accepted request and for a request in progress', async () => {
    await expect(claimKey(intake('form-accepted'))).resolves.toBe('accepted');
    await expect(claimKey(intake('form-publishing'))).rejects.toMatchObject({ problem: 'request-in-progress' });
  });

  test('a paging token of the dead-letter list has the same format as in earlier releases', () => {
    const after = `${note.at}#${id('open')}`;
    expect(writeCursor(after)).toBe(forms.cursor);
    expect(readCursor(forms.cursor)).toBe(after);
  });
});

/**
 * Reads the DynamoDB items of an earlier release with the current code, and returns the values that this code found.
 */
async function readItems(): Promise<Record<string, unknown>> {
  const states = ['completed', 'rejected', 'superseded', 'retrying', 'dead-lettered', 'claimed', 'leased', 'performed'];
  const markers = [...states, 'described', 'retryingAgain'].map(id);
  const found = await ports.inbox.find(QUEUE, markers);
  const blocked = await ports.blockedKeys.read(QUEUE, ['ada', 'parts']);
  const archived = await Promise.all(
    ['open', 'redriven', 'discarded', 'superseded', 'attempted', 'versioned'].map(async (name) => {
      const { deadLetter, message } = await readDeadLetter(archive(), id(name));
      return [name, { deadLetter, message: { ...message, body: message.body.toString() } }] as const;
    }),
  );
  const edited = await Promise.all(['edited', 'edited-published'].map((name) => readEdited(archive(), id(name))));
  return {
    edited: edited.map((one) => one && { ...one, message: { ...one.message, body: one.message.body.toString() } }),
    markers: Object.fromEntries(found),
    blockedKeys: Object.fromEntries(blocked),
    openBatch: await ports.openBatches.read(QUEUE),
    attempts: Object.fromEntries(await ports.attemptLog.read(QUEUE, [id('suspect')])),
    progress: await ports.progress.read(QUEUE),
    archived: Object.fromEntries(archived),
    samples: await queueSamples(surehop).since(publishedAtMs),
    unknownValues: await createKnownValues(archive(), []).errorsIn({ queue: 'retired', code: 'OWN_CODE' }),
  };
}
