import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';

import { tables } from '../../../infra/tables.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { type ConsumerParts, dynamoDbPorts } from '../../../lib/consumer/parts.ts';
import type { RabbitMqRecord } from '../../../lib/consumer/delivery.ts';
import { deadLetterQueue, topology } from '../../../infra/topology.ts';
import { inboxClient } from '../../../lib/dynamodb/client.ts';
import { openInboxTable } from '../../../lib/inbox/table.ts';
import { anEvent, aRecord, anInvocation } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { recordFromBroker } from '../../support/from-broker.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, quickTopology, type ConsumerSetup } from '../../support/consumer-setup.ts';

let setup: ConsumerSetup;
beforeAll(async () => {
  setup = await aConsumerSetup({}, quickTopology);
});
afterAll(() => setup.remove());

/** The completed runs of the rule in their order, as `key:number`. */
let done: string[];
/** How often the rule still fails for a message, by `key:number`. */
let failing: Map<string, number>;
beforeEach(() => {
  done = [];
  failing = new Map();
});

const definition = {
  ...scriptedConsumer,
  queue: { ...scriptedConsumer.queue, ordered: true },
  orderBy: ({ sku }: { sku: string }) => sku,
  decide: (event: { sku: string; number?: number }) => {
    const name = `${event.sku}:${event.number}`;
    const failures = failing.get(name) ?? 0;
    if (failures > 0) {
      failing.set(name, failures - 1);
      throw new Error('not this time');
    }
    done.push(name);
    return {
      effects: [{ kind: 'add', table: tables.stock, key: { sku: event.sku }, attribute: 'available', by: 1 } as const],
    };
  },
};

/** A message that the broker delivered `deliveries` times before. */
const message = (sku: string, number: number, deliveries = 0) =>
  aRecord({
    type: 'test.scripted',
    body: { sku, number },
    redelivered: deliveries > 0,
    headers: { 'x-acquired-count': deliveries },
  });
const run = (records: readonly RabbitMqRecord[]) =>
  createConsumer(definition, setup.parts)(anEvent(records), anInvocation());

const delayQueues = topology.queues.flatMap(({ name, arguments: own }) => (own['x-message-ttl'] ? [name] : []));
const CIRCULATING = ['stock', ...delayQueues];

/** How many messages are ready in the queue or wait in a delay queue. */
async function circulating(): Promise<number> {
  const counts = await Promise.all(CIRCULATING.map((queue) => setup.host.channel.checkQueue(queue)));
  return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
}

/** Runs the messages that come back, each time as one batch in their order, until `isDone` and no message is left. */
async function runWhatComesBack(isDone: () => boolean | Promise<boolean>): Promise<void> {
  await eventually('no message is left', async () => {
    const messages = await setup.host.drain('stock');
    if (messages.length > 0) await run(messages.map(recordFromBroker));
    return messages.length === 0 && (await isDone()) && (await circulating()) === 0;
  });
}

/** The numbers of a key's messages in the order of their first run; the rule may run again for a second copy of a blocked message. */
const of = (key: string) => [
  ...new Set(done.filter((name) => name.startsWith(`${key}:`)).map((name) => Number(name.split(':')[1]))),
];

test('messages of one key are processed one after another, and a failed message blocks its own key only', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  failing.set(`${a}:1`, 2);
  await run([message(a, 1), message(a, 2), message(b, 1), message(a, 3), message(b, 2)]);
  expect(of(a)).toEqual([]);
  expect(of(b)).toEqual([1, 2]);
  // Messages that arrive later wait too, although the failed message is not in their batch.
  await run([message(a, 4), message(b, 3)]);
  expect(of(b)).toEqual([1, 2, 3]);
  await runWhatComesBack(() => of(a).length === 4);
  expect(of(a)).toEqual([1, 2, 3, 4]);
  expect((await setup.item('stock', { sku: a }))?.available).toBe(4);
});

test('the next messages of a key are processed after one became a dead letter', async () => {
  const a = randomUUID();
  failing.set(`${a}:2`, 9);
  await run([message(a, 1), message(a, 2), message(a, 3)]);
  await runWhatComesBack(() => of(a).length === 2);
  expect(of(a)).toEqual([1, 3]);
  expect(await setup.host.drain(deadLetterQueue)).toHaveLength(1);
});

test('the messages of a key are processed one hour after the first message was lost, although more messages arrived meanwhile', async () => {
  const a = randomUUID();
  failing.set(`${a}:1`, 1);
  await run([message(a, 1)]);
  // An operator purges the delay queue, and the retry copy is lost.
  await eventually('the copy', async () => (await setup.host.drain('stock')).length > 0);
  let minutes = 0;
  const clock = { now: () => Date.now() + minutes * 60_000 };
  const { endpoint, tablePrefix } = setup;
  const table = openInboxTable({ client: inboxClient({ endpoint }), tablePrefix, clock, retentionDays: 14 });
  const later = createConsumer(definition, { ...setup.parts, ...dynamoDbPorts(table), clock });
  const blocked = [2, 3, 4].map((number) => message(a, number));
  for (const one of blocked) {
    minutes += 25;
    await later(anEvent([one]), anInvocation());
  }
  expect(of(a)).toEqual([]);
  minutes += 1;
  await later(anEvent(blocked), anInvocation());
  await setup.host.drain('stock');
  expect(of(a)).toEqual([2, 3, 4]);
});

test('the messages of a key keep their order if a batch with a blocked message is redelivered', async () => {
  const a = randomUUID();
  failing.set(`${a}:1`, 1);
  const records = [message(a, 1), message(a, 2)];
  await run(records);
  await run(records.map((record) => ({ ...record, redelivered: true })));
  await runWhatComesBack(() => of(a).length === 2);
  // The rule may run again for a second copy, which has no effect.
  expect([...new Set(of(a))]).toEqual([1, 2]);
  expect((await setup.item('stock', { sku: a }))?.available).toBe(2);
});

test('younger messages do not overtake an abandoned batch that is redelivered after them', async () => {
  const a = randomUUID();
  const abandoned = [message(a, 1), message(a, 2)];
  const crashing: ConsumerParts = {
    ...setup.parts,
    blockedKeys: { ...setup.parts.blockedKeys, read: () => new Promise(() => {}) },
  };
  // A process that dies after it recorded its batch: its invocation never ends, and no rule runs.
  void createConsumer(definition, crashing)(anEvent(abandoned), anInvocation());
  await eventually('the open-batch record', async () => (await setup.parts.openBatches.read('stock')) !== undefined);
  done = [];
  await run([message(a, 3)]);
  expect(of(a)).toEqual([]);
  await run(abandoned.map((record) => ({ ...record, redelivered: true })));
  await runWhatComesBack(() => of(a).length === 3);
  expect([...new Set(of(a))]).toEqual([1, 2, 3]);
  expect((await setup.item('stock', { sku: a }))?.available).toBe(3);
});

test('younger messages do not overtake an abandoned batch if a batch of invalid messages comes in between', async () => {
  const a = randomUUID();
  const hanging: ConsumerParts = {
    ...setup.parts,
    blockedKeys: { ...setup.parts.blockedKeys, read: () => new Promise(() => {}) },
  };
  const abandoned = [message(a, 1)];
  void createConsumer(definition, hanging)(anEvent(abandoned), anInvocation());
  await eventually('the open-batch record', async () => (await setup.parts.openBatches.read('stock')) !== undefined);
  await run([aRecord({ type: 'test.scripted', raw: Buffer.from('{') })]);
  await run([message(a, 2)]);
  expect(of(a)).toEqual([]);
  await run(abandoned.map((record) => ({ ...record, redelivered: true })));
  await runWhatComesBack(() => of(a).length === 2);
  expect(of(a)).toEqual([1, 2]);
  await setup.host.drain(deadLetterQueue);
});

test('a message whose orderBy throws fails like a message whose rule throws, and blocks no other message', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  const keyless = {
    ...definition,
    orderBy: ({ sku }: { sku: string }) => {
      if (sku === a) throw new Error('this message has no key');
      return sku;
    },
  };
  const report = await createConsumer(keyless, setup.parts)(anEvent([message(a, 1), message(b, 1)]), anInvocation());
  expect(report.counts).toMatchObject({ completed: 1, retry: 1 });
  expect(report.notCompleted).toMatchObject([{ message: 'this message has no key', destination: 'retry.1s' }]);
  expect(of(b)).toEqual([1]);
  await runWhatComesBack(() => of(a).length === 1);
});

test('messages with an empty or a very long key are processed in order', async () => {
  for (const key of ['', 'x'.repeat(3_000)]) {
    const about = randomUUID();
    const odd = { ...definition, orderBy: () => key };
    failing.set(`${about}:1`, 1);
    const report = await createConsumer(odd, setup.parts)(
      anEvent([message(about, 1), message(about, 2)]),
      anInvocation(),
    );
    expect(report.counts).toMatchObject({ retry: 1, postponed: 1 });
    expect(of(about)).toEqual([]);
    // From here on the key is the SKU; the messages recorded under the other key are known to be completed.
    await runWhatComesBack(() => of(about).length === 2);
    expect(of(about)).toEqual([1, 2]);
  }
});

test('a message that was fetched earlier by the event source does not overtake a redelivered older message', async () => {
  const a = randomUUID();
  await run([message(a, 2), message(a, 1, 1), message(a, 3)]);
  expect(of(a)).toEqual([1, 2, 3]);
});

test('messages of one key keep their order if one of them is a crash suspect', async () => {
  const a = randomUUID();
  await run([message(a, 2), message(a, 1, 4), message(a, 3)]);
  expect(of(a)).toEqual([1, 2, 3]);
});
