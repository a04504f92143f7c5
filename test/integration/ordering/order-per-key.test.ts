import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { tables } from '../../../infra/tables.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { ConsumerParts } from '../../../lib/consumer/parts.ts';
import type { RabbitMqRecord } from '../../../lib/consumer/delivery.ts';
import { deadLetterQueue, topology } from '../../../infra/topology.ts';
import { inboxClient } from '../../../lib/dynamodb/client.ts';
import { dynamoDbPorts } from '../../../lib/consumer/ports.ts';
import { openInboxTable } from '../../../lib/inbox/table.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { anInvocation } from '../../support/invocation.ts';
import { recordFromBroker } from '../../support/from-broker.ts';
import { tallying } from '../../support/tally.ts';
import { aWorkshop, quickTopology, type Workshop } from '../../support/workshop.ts';

let shop: Workshop;
beforeAll(async () => {
  shop = await aWorkshop({}, quickTopology);
});
afterAll(() => shop.remove());

/** What was done, in its order: `key:number`. */
let done: string[];
/** The next tries of these fail. */
let failing: Map<string, number>;
beforeEach(() => {
  done = [];
  failing = new Map();
});

const definition = {
  ...tallying,
  queue: { ...tallying.queue, ordered: true },
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

/** A message that was handed out so often before. */
const message = (sku: string, number: number, deliveries = 0) =>
  aRecord({
    type: 'test.tallied',
    body: { sku, number },
    redelivered: deliveries > 0,
    headers: { 'x-acquired-count': deliveries },
  });
const run = (records: readonly RabbitMqRecord[]) =>
  createConsumer(definition, shop.parts)(anEvent(records), anInvocation());

const delayQueues = topology.queues.flatMap(({ name, arguments: own }) => (own['x-message-ttl'] ? [name] : []));
const CIRCULATING = ['stock', ...delayQueues];

/** How many messages are ready in the queue or wait in a delay queue. */
async function circulating(): Promise<number> {
  const counts = await Promise.all(CIRCULATING.map((queue) => shop.host.channel.checkQueue(queue)));
  return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
}

/** Runs the messages that come back, each time as one batch in their order, until `isDone` and no message is left. */
async function runWhatComesBack(isDone: () => boolean | Promise<boolean>): Promise<void> {
  await eventually('no message is left', async () => {
    const messages = await shop.host.drain('stock');
    if (messages.length > 0) await run(messages.map(recordFromBroker));
    return messages.length === 0 && (await isDone()) && (await circulating()) === 0;
  });
}

/** Each message at the first time: a second copy of one that was held is decided again, though it is done once. */
const of = (key: string) => [
  ...new Set(done.filter((name) => name.startsWith(`${key}:`)).map((name) => Number(name.split(':')[1]))),
];

describe('the messages of one key', () => {
  test('are done one after another; a failed one holds back its own key and no other', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    failing.set(`${a}:1`, 2);
    await run([message(a, 1), message(a, 2), message(b, 1), message(a, 3), message(b, 2)]);
    expect(of(a)).toEqual([]);
    expect(of(b)).toEqual([1, 2]);
    // Later arrivals wait too, though the failed one is not in their batch.
    await run([message(a, 4), message(b, 3)]);
    expect(of(b)).toEqual([1, 2, 3]);
    await runWhatComesBack(() => of(a).length === 4);
    expect(of(a)).toEqual([1, 2, 3, 4]);
    expect((await shop.item('stock', { sku: a }))?.available).toBe(4);
  });

  test('go on after one of them became a dead letter', async () => {
    const a = randomUUID();
    failing.set(`${a}:2`, 9);
    await run([message(a, 1), message(a, 2), message(a, 3)]);
    await runWhatComesBack(() => of(a).length === 2);
    expect(of(a)).toEqual([1, 3]);
    expect(await shop.host.drain(deadLetterQueue)).toHaveLength(1);
  });

  test('go on an hour after the first of them was lost, however many came meanwhile', async () => {
    const a = randomUUID();
    failing.set(`${a}:1`, 1);
    await run([message(a, 1)]);
    // Its copy is purged, say by an operator.
    await eventually('the copy', async () => (await shop.host.drain('stock')).length > 0);
    let minutes = 0;
    const clock = { now: () => Date.now() + minutes * 60_000 };
    const { endpoint, tablePrefix } = shop;
    const table = openInboxTable({ client: inboxClient({ endpoint }), tablePrefix, clock, retentionDays: 14 });
    const later = createConsumer(definition, { ...shop.parts, ...dynamoDbPorts(table), clock });
    const held = [2, 3, 4].map((number) => message(a, number));
    for (const one of held) {
      minutes += 25;
      await later(anEvent([one]), anInvocation());
    }
    expect(of(a)).toEqual([]);
    minutes += 1;
    await later(anEvent(held), anInvocation());
    await shop.host.drain('stock');
    expect(of(a)).toEqual([2, 3, 4]);
  });

  test('keep their order when a batch with a held message comes again as a whole', async () => {
    const a = randomUUID();
    failing.set(`${a}:1`, 1);
    const records = [message(a, 1), message(a, 2)];
    await run(records);
    await run(records.map((record) => ({ ...record, redelivered: true })));
    await runWhatComesBack(() => of(a).length === 2);
    // A second copy may be decided about once more; it has no effect.
    expect([...new Set(of(a))]).toEqual([1, 2]);
    expect((await shop.item('stock', { sku: a }))?.available).toBe(2);
  });

  test('are not overtaken when their batch was abandoned and younger messages come first', async () => {
    const a = randomUUID();
    const abandoned = [message(a, 1), message(a, 2)];
    const crashing: ConsumerParts = {
      ...shop.parts,
      blockedKeys: { ...shop.parts.blockedKeys, read: () => new Promise(() => {}) },
    };
    // A process that is gone once it has begun: its invocation never ends, and nothing of it is decided.
    void createConsumer(definition, crashing)(anEvent(abandoned), anInvocation());
    await eventually('the batch to be begun', async () => (await shop.parts.openBatches.read('stock')) !== undefined);
    done = [];
    await run([message(a, 3)]);
    expect(of(a)).toEqual([]);
    await run(abandoned.map((record) => ({ ...record, redelivered: true })));
    await runWhatComesBack(() => of(a).length === 3);
    expect([...new Set(of(a))]).toEqual([1, 2, 3]);
    expect((await shop.item('stock', { sku: a }))?.available).toBe(3);
  });

  test('are not overtaken either when a batch in between has none but messages that cannot be read', async () => {
    const a = randomUUID();
    const hanging: ConsumerParts = {
      ...shop.parts,
      blockedKeys: { ...shop.parts.blockedKeys, read: () => new Promise(() => {}) },
    };
    const abandoned = [message(a, 1)];
    void createConsumer(definition, hanging)(anEvent(abandoned), anInvocation());
    await eventually('the batch to be begun', async () => (await shop.parts.openBatches.read('stock')) !== undefined);
    await run([aRecord({ type: 'test.tallied', raw: Buffer.from('{') })]);
    await run([message(a, 2)]);
    expect(of(a)).toEqual([]);
    await run(abandoned.map((record) => ({ ...record, redelivered: true })));
    await runWhatComesBack(() => of(a).length === 2);
    expect(of(a)).toEqual([1, 2]);
    await shop.host.drain(deadLetterQueue);
  });

  test('of which one has no key fail like messages whose rule throws, and hold nobody back', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const keyless = {
      ...definition,
      orderBy: ({ sku }: { sku: string }) => {
        if (sku === a) throw new Error('no key for this one');
        return sku;
      },
    };
    const report = await createConsumer(keyless, shop.parts)(anEvent([message(a, 1), message(b, 1)]), anInvocation());
    expect(report.counts).toMatchObject({ completed: 1, retry: 1 });
    expect(report.notCompleted).toMatchObject([{ message: 'no key for this one', destination: 'retry.1s' }]);
    expect(of(b)).toEqual([1]);
    await runWhatComesBack(() => of(a).length === 1);
  });

  test('have an order also where the key is empty or very long', async () => {
    for (const key of ['', 'x'.repeat(3_000)]) {
      const about = randomUUID();
      const odd = { ...definition, orderBy: () => key };
      failing.set(`${about}:1`, 1);
      const report = await createConsumer(odd, shop.parts)(
        anEvent([message(about, 1), message(about, 2)]),
        anInvocation(),
      );
      expect(report.counts).toMatchObject({ retry: 1, postponed: 1 });
      expect(of(about)).toEqual([]);
      // The messages' own key keeps them in order from here on; what waits under the odd one is known as done.
      await runWhatComesBack(() => of(about).length === 2);
      expect(of(about)).toEqual([1, 2]);
    }
  });

  test('are not overtaken when what the event source had fetched comes before what went back', async () => {
    const a = randomUUID();
    await run([message(a, 2), message(a, 1, 1), message(a, 3)]);
    expect(of(a)).toEqual([1, 2, 3]);
  });

  test('are not overtaken when one of them is suspected of taking the runtime down', async () => {
    const a = randomUUID();
    await run([message(a, 2), message(a, 1, 4), message(a, 3)]);
    expect(of(a)).toEqual([1, 2, 3]);
  });
});
