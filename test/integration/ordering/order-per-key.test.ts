import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { tables } from '../../support/example/tables.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { type ConsumerDependencies, dynamoDbPorts } from '../../../lib/consumer/dependencies.ts';
import type { RabbitMqRecord } from '../../../lib/message/delivery.ts';
import { BatchUnfinishedError } from '../../../lib/consumer/report.ts';
import { PermanentError } from '../../../lib/runtime/errors.ts';
import { deadLetterQueue, topology } from '../../support/example/topology.ts';
import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import { openInboxTable } from '../../../lib/inbox/table.ts';
import { anEvent, aRecord, anInvocation } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { recordFromBroker } from '../../support/from-broker.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, quickTopology, type ConsumerSetup } from '../../support/consumer-setup.ts';
import { putMarker, unreadableMarkers } from '../../support/unreadable-markers.ts';

let setup: ConsumerSetup;
beforeAll(async () => {
  setup = await aConsumerSetup({}, quickTopology);
});
afterAll(() => setup.remove());

/** The messages that the business rule processed, each as `<ordering key>:<message number>`, in processing order. */
let done: string[];
/** How many more times the business rule fails for each message. The key is `<ordering key>:<message number>`. */
let failing: Map<string, number>;
beforeEach(() => {
  done = [];
  failing = new Map();
});

const definition = {
  ...scriptedConsumer,
  queue: { ...scriptedConsumer.queue, ordered: true },
  orderBy: ({ isbn }: { isbn: string }) => isbn,
  decide: (event: { isbn: string; number?: number }) => {
    const name = `${event.isbn}:${event.number}`;
    const failures = failing.get(name) ?? 0;
    if (failures > 0) {
      failing.set(name, failures - 1);
      throw new Error('not this time');
    }
    done.push(name);
    return {
      effects: [
        { kind: 'add', table: tables.loans, key: { isbn: event.isbn }, attribute: 'available', by: 1 } as const,
      ],
    };
  },
};

const message = (isbn: string, number: number, deliveries = 0) =>
  aRecord({
    type: 'test.scripted',
    body: { isbn, number },
    redelivered: deliveries > 0,
    headers: { 'x-acquired-count': deliveries },
  });
const run = (records: readonly RabbitMqRecord[]) =>
  createConsumer(definition, setup.dependencies)(anEvent(records), anInvocation());

const delayQueues = topology.queues.flatMap(({ name, arguments: own }) => (own['x-message-ttl'] ? [name] : []));
const CIRCULATING = ['loans', ...delayQueues];

/** Returns the number of messages that are ready in the work queue or wait in a delay queue. */
async function circulating(): Promise<number> {
  const counts = await Promise.all(CIRCULATING.map((queue) => setup.host.channel.checkQueue(queue)));
  return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
}

/** Processes batches until `isDone` returns true and both the work queue and all delay queues are empty. */
async function runRedeliveredMessages(isDone: () => boolean | Promise<boolean>): Promise<void> {
  await eventually('no message is left', async () => {
    const messages = await setup.host.drain('loans');
    if (messages.length > 0) await run(messages.map(recordFromBroker));
    return messages.length === 0 && (await isDone()) && (await circulating()) === 0;
  });
}

/** Returns the `number` fields of the processed messages with the given key, in the order of their first processing. */
const of = (key: string) => [
  ...new Set(done.filter((name) => name.startsWith(`${key}:`)).map((name) => Number(name.split(':')[1]))),
];

test('messages of one key are processed in order, and a failed message blocks only later messages of the same key', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  failing.set(`${a}:1`, 2);
  await run([message(a, 1), message(a, 2), message(b, 1), message(a, 3), message(b, 2)]);
  expect(of(a)).toEqual([]);
  expect(of(b)).toEqual([1, 2]);
  // Messages of the key that arrive in a later batch must wait too.
  await run([message(a, 4), message(b, 3)]);
  expect(of(b)).toEqual([1, 2, 3]);
  await runRedeliveredMessages(() => of(a).length === 4);
  expect(of(a)).toEqual([1, 2, 3, 4]);
  expect((await setup.item('loans', { isbn: a }))?.available).toBe(4);
});

test('after a message is dead-lettered, the next messages with the same ordering key are processed', async () => {
  const a = randomUUID();
  failing.set(`${a}:2`, 9);
  await run([message(a, 1), message(a, 2), message(a, 3)]);
  await runRedeliveredMessages(() => of(a).length === 2);
  expect(of(a)).toEqual([1, 3]);
  expect(await setup.host.drain(deadLetterQueue)).toHaveLength(1);
});

test.each(unreadableMarkers)(
  'if the inbox marker of a message %s, the message is dead-lettered after its last attempt, and the next messages with its ordering key are processed',
  async (_, attributes) => {
    const a = randomUUID();
    const first = message(a, 1);
    await putMarker(setup, 'loans', first, attributes);
    await run([first, message(a, 2), message(a, 3)]);
    await runRedeliveredMessages(() => of(a).length === 3);
    expect(of(a)).toEqual([1, 2, 3]);
    expect(await setup.host.drain(deadLetterQueue)).toHaveLength(1);
    expect((await setup.item('loans', { isbn: a }))?.available).toBe(2);
  },
);

test('if the retry copy of a failed message is lost, the other messages with the same ordering key are blocked for one hour and then processed', async () => {
  const a = randomUUID();
  failing.set(`${a}:1`, 1);
  await run([message(a, 1)]);
  // The test deletes the retry copy, as if an operator had purged the delay queue.
  await eventually('the copy', async () => (await setup.host.drain('loans')).length > 0);
  let minutes = 0;
  const clock = { now: () => Date.now() + minutes * 60_000 };
  const { endpoint, tablePrefix } = setup;
  const table = openInboxTable({
    client: dynamoDbClient({ endpoint, maxAttempts: 1 }),
    tablePrefix,
    clock,
    retentionDays: 14,
  });
  const later = createConsumer(definition, { ...setup.dependencies, ...dynamoDbPorts(table), clock });
  const blocked = [2, 3, 4].map((number) => message(a, number));
  for (const one of blocked) {
    minutes += 25;
    await later(anEvent([one]), anInvocation());
  }
  expect(of(a)).toEqual([]);
  minutes += 1;
  await later(anEvent(blocked), anInvocation());
  await setup.host.drain('loans');
  expect(of(a)).toEqual([2, 3, 4]);
});

test('if a batch with a failed message and a later message of the same ordering key is redelivered, both messages are processed in order', async () => {
  const a = randomUUID();
  failing.set(`${a}:1`, 1);
  const records = [message(a, 1), message(a, 2)];
  await run(records);
  await run(records.map((record) => ({ ...record, redelivered: true })));
  await runRedeliveredMessages(() => of(a).length === 2);
  // The rule may run again for a second copy of a message, but the effects of a message are applied once.
  expect([...new Set(of(a))]).toEqual([1, 2]);
  expect((await setup.item('loans', { isbn: a }))?.available).toBe(2);
});

test('if a process dies during a batch, later messages with the same ordering keys wait until this batch is redelivered', async () => {
  const a = randomUUID();
  const abandoned = [message(a, 1), message(a, 2)];
  const crashing: ConsumerDependencies = {
    ...setup.dependencies,
    blockedKeys: { ...setup.dependencies.blockedKeys, read: () => new Promise(() => {}) },
  };
  // This invocation simulates a process that dies after it recorded its batch. It runs no rule until its time is over.
  createConsumer(definition, crashing)(anEvent(abandoned), anInvocation()).catch(() => {});
  await eventually(
    'the open-batch record',
    async () => (await setup.dependencies.openBatches.read('loans')) !== undefined,
  );
  done = [];
  await run([message(a, 3)]);
  expect(of(a)).toEqual([]);
  await run(abandoned.map((record) => ({ ...record, redelivered: true })));
  await runRedeliveredMessages(() => of(a).length === 3);
  expect([...new Set(of(a))]).toEqual([1, 2, 3]);
  expect((await setup.item('loans', { isbn: a }))?.available).toBe(3);
});

test('if the last attempt of a message failed, and the process dies after completing a later message with the same key, the failed message is dead-lettered without another attempt', async () => {
  const a = randomUUID();
  failing.set(`${a}:1`, 1);
  const records = [message(a, 1), message(a, 2)];
  const { inbox } = setup.dependencies;
  // This invocation simulates a process that dies after it committed the later message. It does nothing until its time is over.
  const commit: typeof inbox.commit = async (...given) => {
    await inbox.commit(...given);
    return new Promise(() => {});
  };
  const dying: ConsumerDependencies = { ...setup.dependencies, inbox: { ...inbox, commit } };
  createConsumer({ ...definition, attempts: 1 }, dying)(anEvent(records), anInvocation()).catch(() => {});
  await eventually(
    'the commit of the later message',
    async () => (await setup.item('loans', { isbn: a }))?.available === 1,
  );
  await run(records.map((record) => ({ ...record, redelivered: true })));
  expect(of(a)).toEqual([2]);
  expect(await setup.host.drain(deadLetterQueue)).toHaveLength(1);
  expect((await setup.item('loans', { isbn: a }))?.available).toBe(1);
});

test('if a process dies during a batch, later messages with the same ordering keys wait until the batch is redelivered, and a batch of invalid messages does not end this wait', async () => {
  const a = randomUUID();
  const hanging: ConsumerDependencies = {
    ...setup.dependencies,
    blockedKeys: { ...setup.dependencies.blockedKeys, read: () => new Promise(() => {}) },
  };
  const abandoned = [message(a, 1)];
  createConsumer(definition, hanging)(anEvent(abandoned), anInvocation()).catch(() => {});
  await eventually(
    'the open-batch record',
    async () => (await setup.dependencies.openBatches.read('loans')) !== undefined,
  );
  await run([aRecord({ type: 'test.scripted', raw: Buffer.from('{') })]);
  await run([message(a, 2)]);
  expect(of(a)).toEqual([]);
  await run(abandoned.map((record) => ({ ...record, redelivered: true })));
  await runRedeliveredMessages(() => of(a).length === 2);
  expect(of(a)).toEqual([1, 2]);
  await setup.host.drain(deadLetterQueue);
});

test('if orderBy throws an error for a message, this message is retried and blocks no other message', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  const keyless = {
    ...definition,
    orderBy: ({ isbn }: { isbn: string }) => {
      if (isbn === a) throw new Error('the message has no ordering key');
      return isbn;
    },
  };
  const report = await createConsumer(keyless, setup.dependencies)(
    anEvent([message(a, 1), message(b, 1)]),
    anInvocation(),
  );
  expect(report.counts).toMatchObject({ completed: 1, retry: 1 });
  expect(report.notCompleted).toMatchObject([{ message: 'the message has no ordering key', destination: 'retry.1s' }]);
  expect(of(b)).toEqual([1]);
  await runRedeliveredMessages(() => of(a).length === 1);
});

test('messages with an empty or a very long ordering key are processed in order', async () => {
  for (const key of ['', 'x'.repeat(3_000)]) {
    const about = randomUUID();
    const odd = { ...definition, orderBy: () => key };
    failing.set(`${about}:1`, 1);
    const report = await createConsumer(odd, setup.dependencies)(
      anEvent([message(about, 1), message(about, 2)]),
      anInvocation(),
    );
    expect(report.counts).toMatchObject({ retry: 1, postponed: 1 });
    expect(of(about)).toEqual([]);
    // From here on the ordering key is the ISBN instead of the empty or long key.
    await runRedeliveredMessages(() => of(about).length === 2);
    expect(of(about)).toEqual([1, 2]);
  }
});

test('a redelivered message is processed before the younger messages with the same key, even if a younger message comes first in the batch', async () => {
  const a = randomUUID();
  await run([message(a, 2), message(a, 1, 1), message(a, 3)]);
  expect(of(a)).toEqual([1, 2, 3]);
});

test('messages of one key are processed in order even if one of the messages is suspected of crashing the process', async () => {
  const a = randomUUID();
  await run([message(a, 2), message(a, 1, 4), message(a, 3)]);
  expect(of(a)).toEqual([1, 2, 3]);
});

describe('two execution environments that process one batch at the same time', () => {
  /**
   * Returns a consumer whose business rule fails for message number 1: each attempt throws the next of `errors`. Once no
   * error is left, the attempt succeeds.
   */
  const throwing = (errors: Error[]) => ({
    ...definition,
    decide: (event: { isbn: string; number?: number }) => {
      const error = event.number === 1 ? errors.shift() : undefined;
      if (error) throw error;
      return definition.decide(event);
    },
  });

  /**
   * Delivers the messages 1 and 2 of a new ordering key as one batch to two execution environments. The second
   * environment processes the whole batch just before the first environment calls the inbox method named `method`. If
   * the first environment then reports the batch as unfinished, the batch is redelivered once. Returns the ordering
   * key.
   */
  async function processTwice(method: 'claimDeadLetters' | 'recordHandoffs', errors: Error[]): Promise<string> {
    const key = randomUUID();
    const records = [message(key, 1), message(key, 2)];
    const { inbox } = setup.dependencies;
    const second = createConsumer(throwing(errors), setup.dependencies);
    const meet = () => second(anEvent(records), anInvocation());
    const meeting: typeof inbox = {
      ...inbox,
      claimDeadLetters: async (...given) => {
        if (method === 'claimDeadLetters') await meet();
        return inbox.claimDeadLetters(...given);
      },
      recordHandoffs: async (...given) => {
        if (method === 'recordHandoffs') await meet();
        return inbox.recordHandoffs(...given);
      },
    };
    const first = createConsumer(throwing(errors), { ...setup.dependencies, inbox: meeting });
    await first(anEvent(records), anInvocation()).catch((error: unknown) => {
      if (!(error instanceof BatchUnfinishedError)) throw error;
      return run(records.map((record) => ({ ...record, redelivered: true })));
    });
    return key;
  }

  test('if two execution environments process the same message, and one retries the message just before the other tries to dead-letter it, the message is not dead-lettered, and completes before later messages with its ordering key', async () => {
    // The second environment retries the message after the message has failed permanently in the first environment.
    const errors = [new PermanentError('GIVEN_UP', 'never'), new Error('not this time')];
    const a = await processTwice('claimDeadLetters', errors);
    await runRedeliveredMessages(() => of(a).length === 2);
    expect(of(a)).toEqual([1, 2]);
    expect(await setup.host.drain(deadLetterQueue)).toEqual([]);
    expect((await setup.item('loans', { isbn: a }))?.available).toBe(2);
  });

  test('if two execution environments process the same message, and one dead-letters the message while the other publishes a retry copy, the retry copy is not processed', async () => {
    // The second environment dead-letters the message before the first one has recorded its retry copy in the inbox.
    const errors = [new Error('not this time'), new PermanentError('GIVEN_UP', 'never')];
    const a = await processTwice('recordHandoffs', errors);
    await runRedeliveredMessages(() => of(a).length > 0);
    expect(of(a)).toEqual([2]);
    expect(await setup.host.drain(deadLetterQueue)).toHaveLength(1);
    expect((await setup.item('loans', { isbn: a }))?.available).toBe(1);
  });
});
