import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import { deadLetterFrom } from '../../../lib/dead-letters/origin.ts';
import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { tables } from '../../support/example/tables.ts';
import { deadLetterQueue, exchanges, queues } from '../../support/example/topology.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/management/management-api.ts';
import { applyTopology, readDiff } from '../../../lib/rabbitmq/topology/apply.ts';
import { redrivenCopy } from '../../../lib/events/copies.ts';
import { eventMessage } from '../../../lib/events/publish.ts';
import { addressOfShard, type Sharding } from '../../../lib/rabbitmq/topology/shards.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { decode, type RabbitMqEvent } from '../../../lib/message/delivery.ts';
import { PermanentError } from '../../../lib/runtime/errors.ts';
import { defineEvent, type Payload } from '../../../lib/events/define.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { anEvent, anInvocation } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { recordFromBroker } from '../../support/from-broker.ts';
import { readShard, type ShardReader } from '../../support/shard-readers.ts';
import { queuesWith, topologyWith } from '../../support/topology.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

const counted = defineEvent({
  type: 'loan.created',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({ key: z.string(), number: z.int() }),
  key: ({ key }) => key,
});

type Counted = Payload<typeof counted>;

const sharded = (sharding: Sharding) => queuesWith({ loans: sharding });

const shardedTopology = (sharding: Sharding) => topologyWith({ loans: sharding });

/** Forty ordering keys, which are enough for every shard to get some of them. */
const KEYS = Array.from({ length: 40 }, (_, n) => `customer-${n}`);

const messageOf = (data: Counted, id = randomUUID() as MessageId) =>
  eventMessage(counted, data, { id, appId: 'test', publishedAtMs: Date.now() });

let setup: ConsumerSetup;
let broker: BrokerAccess;
beforeAll(async () => {
  setup = await aConsumerSetup();
  broker = reach(setup.host.amqpUrl, process.env['MANAGEMENT_URL']);
});
afterAll(() => setup.remove());

const deploy = (sharding: Sharding) => applyTopology(broker, shardedTopology(sharding));

async function keysIn(shards: readonly string[], total: number): Promise<string[][]> {
  const taken: string[][] = shards.map(() => []);
  await eventually(`${total} messages`, async () => {
    for (const [index, shard] of shards.entries()) taken[index]!.push(...(await setup.host.drain(shard)).map(keyOf));
    return taken.flat().length >= total;
  });
  return taken;
}

const keyOf = (message: Awaited<ReturnType<ConsumerSetup['host']['drain']>>[number]) =>
  message ? (JSON.parse(message.content.toString()) as Counted).key : '';

const publishAll = async (keys: readonly string[]) => {
  const errors = await setup.publisher.publishAll(keys.map((key, number) => messageOf({ key, number })));
  expect(errors.filter(Boolean)).toEqual([]);
};

describe('sharded queue', () => {
  const { shards } = sharded({ shards: 4 }).loans;
  beforeEach(async () => {
    await deploy({ shards: 4 });
    for (const shard of shards) await setup.host.channel.purgeQueue(shard);
  });

  test('after the topology with a sharded queue is applied, a new plan has no changes', async () => {
    expect(await readDiff(broker, shardedTopology({ shards: 4 }))).toEqual([]);
  });

  test('all messages of one key are routed to the same shard of a sharded queue, and every shard gets some keys', async () => {
    await publishAll([...KEYS, ...KEYS, ...KEYS]);
    const taken = await keysIn(shards, 3 * KEYS.length);
    expect(taken.flat().toSorted()).toEqual([...KEYS, ...KEYS, ...KEYS].toSorted());
    for (const key of KEYS) expect(taken.filter((keys) => keys.includes(key))).toHaveLength(1);
    expect(taken.filter((keys) => keys.length === 0)).toEqual([]);
  });

  test('all messages without a key are routed to one shard of a sharded queue, and none is lost', async () => {
    const message = messageOf({ key: 'none', number: 1 });
    const { 'surehop-key': _, ...others } = message.properties.headers;
    for (const headers of [{}, others, { ...others, other: 'x' }])
      await setup.publisher.publish({ ...message, properties: { ...message.properties, headers } });
    expect((await keysIn(shards, 3)).map((keys) => keys.length).toSorted()).toEqual([0, 0, 0, 3]);
  });

  test('if the consistent-hash exchange of a sharded queue has no bindings, every message is routed to the first shard', async () => {
    for (const shard of shards) {
      await setup.host.channel.bindQueue(shard, 'loans', '2');
      await setup.host.channel.unbindQueue(shard, 'loans', '2');
    }
    await publishAll(KEYS);
    expect((await keysIn(shards, KEYS.length)).flat()).toHaveLength(KEYS.length);
    for (const shard of shards) await setup.host.channel.unbindQueue(shard, 'loans', '1');
    await publishAll(KEYS);
    expect((await keysIn(shards, KEYS.length)).map((keys) => keys.length)).toEqual([KEYS.length, 0, 0, 0]);
    await deploy({ shards: 4 });
    await publishAll(KEYS);
    expect((await keysIn(shards, KEYS.length)).every((keys) => keys.length > 0)).toBe(true);
  });

  test('a publish fails with UNROUTABLE if the consistent-hash exchange of a sharded queue is missing', async () => {
    await setup.host.channel.deleteExchange('loans');
    expect(await readDiff(broker, shardedTopology({ shards: 4 }))).toEqual(
      expect.arrayContaining([expect.objectContaining({ subject: 'exchange "loans"', losesMessages: true })]),
    );
    const bindings = shardedTopology({ shards: 4 }).bindings.filter(({ exchange }) => exchange === 'library');
    for (const { routingKey } of bindings) await setup.host.channel.unbindQueue('notices', 'library', routingKey);
    await expect(setup.publisher.publish(messageOf({ key: 'k', number: 1 }))).rejects.toMatchObject({
      code: 'UNROUTABLE',
    });
    await deploy({ shards: 4 });
    await setup.publisher.publish(messageOf({ key: 'k', number: 1 }));
    expect((await keysIn(shards, 1)).flat()).toEqual(['k']);
  });

  test('a retried message of a sharded queue returns to the shard from which it was delivered', async () => {
    const handler = createConsumer(
      { ...definition(), decide: () => Promise.reject(new Error('not this time')) },
      setup.dependencies,
    );
    await publishAll(KEYS);
    const before: string[][] = shards.map(() => []);
    await eventually('all of them', async () => {
      for (const [index, shard] of shards.entries()) {
        const messages = await setup.host.drain(shard);
        if (messages.length > 0) await handler(anEvent(messages.map(recordFromBroker), shard), anInvocation());
        before[index]!.push(...messages.map(keyOf));
      }
      return before.flat().length === KEYS.length;
    });
    const again = await keysIn(shards, KEYS.length);
    expect(again.map((keys) => keys.toSorted())).toEqual(before.map((keys) => keys.toSorted()));
  });

  test('a redriven dead letter of a sharded queue returns to its original shard, or is routed to another shard if that shard was removed', async () => {
    const refuse = () => Promise.reject(new PermanentError('NEVER', 'this will never do'));
    const handler = createConsumer({ ...definition(), decide: refuse }, setup.dependencies);
    // The test uses new keys, because messages of the previous test block later messages of their keys.
    await publishAll(KEYS.map((key) => `dead-${key}`));
    const messages = await eventually('some messages', async () => {
      const { messageCount } = await setup.host.channel.checkQueue('loans.03');
      return messageCount > 0 && setup.host.drain('loans.03');
    });
    await handler(anEvent(messages.map(recordFromBroker), 'loans.03'), anInvocation());
    const dead = await eventually('the dead letters', async () => {
      const ready = await setup.host.channel.checkQueue(deadLetterQueue);
      return ready.messageCount === messages.length && setup.host.drain(deadLetterQueue);
    });
    const deliveries = decode(anEvent(dead.map(recordFromBroker), deadLetterQueue));
    for (const delivery of deliveries)
      expect(deadLetterFrom(delivery, Object.values(queues), Date.now())).toMatchObject({
        queue: 'loans',
        shard: 'loans.03',
      });

    const redrive = async (work: Sharding) => {
      for (const shard of shards) await setup.host.channel.purgeQueue(shard);
      const address = addressOfShard(sharded(work).loans, 'loans.03');
      for (const delivery of deliveries)
        await setup.publisher.publish(redrivenCopy(delivery, address, { redrives: 1, at: new Date().toISOString() }));
      return (await keysIn(shards, deliveries.length)).map((keys) => keys.length);
    };
    expect(await redrive({ shards: 4 })).toEqual([0, 0, 0, deliveries.length]);
    await deploy({ shards: 3, retiring: 1 });
    expect(await redrive({ shards: 3, retiring: 1 })).toEqual([0, 0, 0, deliveries.length]);
    await deploy({ shards: 3 });
    expect((await redrive({ shards: 3 })).at(3)).toBe(0);
  });
});

function definition(done: string[] = []) {
  return {
    queue: { ...queues.loans, ordered: true },
    event: counted,
    orderBy: ({ key }: Counted) => key,
    decide: ({ key, number }: Counted): any => {
      done.push(`${key}:${number}`);
      return { effects: [{ kind: 'add', table: tables.loans, key: { isbn: key }, attribute: 'available', by: 1 }] };
    },
  };
}

/** Returns the `number` fields of the processed messages with the given key, in the order of their first processing. */
const numbersOf = (key: string, done: readonly string[]) => [
  ...new Set(done.filter((name) => name.startsWith(`${key}:`)).map((name) => Number(name.split(':')[1]))),
];

const ascending = (numbers: readonly number[]) => numbers.toSorted((one, other) => one - other);

/** Consumes all given shards concurrently, and records which shards delivered messages with each key. */
async function readAll(shards: readonly string[], done: string[]) {
  const met = new Map<string, Set<string>>();
  const handler = createConsumer(definition(done), setup.dependencies);
  const handle = (shard: string) => (event: RabbitMqEvent) => {
    for (const { body } of decode(event)) {
      const { key } = JSON.parse(body.toString()) as Counted;
      met.set(key, (met.get(key) ?? new Set()).add(shard));
    }
    return handler(event, anInvocation());
  };
  const readers: ShardReader[] = [];
  for (const shard of shards) readers.push(await readShard(setup.host.amqpUrl, shard, handle(shard)));
  return { met, stop: () => Promise.all(readers.map((reader) => reader.stop())) };
}

const countOf = async (keys: readonly string[]) => {
  const items = await Promise.all(keys.map((isbn) => setup.item('loans', { isbn })));
  return items.map((item) => Number(item?.available ?? 0));
};

test('messages of one key are processed in order while several shards are consumed concurrently', async () => {
  const keys = KEYS.map((key) => `order-${key}`);
  await deploy({ shards: 4 });
  const done: string[] = [];
  const { stop } = await readAll(sharded({ shards: 4 }).loans.shards, done);
  for (let number = 0; number < 10; number += 1) {
    const errors = await setup.publisher.publishAll(keys.map((key) => messageOf({ key, number })));
    expect(errors.filter(Boolean)).toEqual([]);
  }
  await eventually('all of it', async () => (await countOf(keys)).every((count) => count === 10));
  await stop();
  for (const key of keys) expect(numbersOf(key, done)).toEqual(Array.from({ length: 10 }, (_, n) => n));
});

test('changing the number of shards under load loses no message, applies no message twice, and keeps the order of the messages whose key stays on one shard', async () => {
  const keys = KEYS.map((key) => `change-${key}`);
  await deploy({ shards: 1, retiring: 3 });
  const done: string[] = [];
  const { met, stop } = await readAll(sharded({ shards: 4 }).loans.shards, done);
  let number = 0;
  let isOver = false;
  const publishing = (async () => {
    for (; !isOver; number += 1) {
      const errors = await setup.publisher.publishAll(keys.map((key) => messageOf({ key, number })));
      expect(errors.filter(Boolean)).toEqual([]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  const changes: Sharding[] = [
    { shards: 2, retiring: 2 },
    { shards: 4 },
    { shards: 3, retiring: 1 },
    { shards: 1, retiring: 3 },
    { shards: 3, retiring: 1 },
  ];
  try {
    for (const change of changes) {
      const from = number;
      await deploy(change);
      await eventually('some load', () => number > from + 3);
    }
  } finally {
    isOver = true;
    await publishing;
  }
  await eventually('all of it', async () => (await countOf(keys)).every((count) => count === number));
  await stop();
  expect(await countOf(keys)).toEqual(keys.map(() => number));
  const moved = keys.filter((key) => met.get(key)!.size > 1);
  const stayed = keys.filter((key) => met.get(key)!.size === 1);
  // With at most four shards, about a quarter of the keys stay on the first shard during all changes.
  expect(stayed.length).toBeGreaterThan(0);
  expect(moved.length).toBeGreaterThan(0);
  for (const key of stayed) expect(numbersOf(key, done)).toEqual(ascending(numbersOf(key, done)));
});

test('adding a shard moves some keys to the new shard and no keys between the other shards, and removing the new shard moves these keys back', async () => {
  const placesWith = async (shards: number) => {
    await deploy({ shards, retiring: 4 - shards });
    const all = sharded({ shards: 4 }).loans.shards;
    for (const shard of all) await setup.host.channel.purgeQueue(shard);
    await publishAll(KEYS);
    const taken = await keysIn(all, KEYS.length);
    return new Map(KEYS.map((key) => [key, all[taken.findIndex((keys) => keys.includes(key))]!]));
  };
  const [three, four] = [await placesWith(3), await placesWith(4)];
  const moved = KEYS.filter((key) => three.get(key) !== four.get(key));
  expect(moved.length).toBeGreaterThan(0);
  for (const key of moved) expect(four.get(key)).toBe('loans.03');
  expect(await placesWith(3)).toEqual(three);
});
