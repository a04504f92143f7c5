import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { longString, nested, tableOf, type GivenProperties } from '../../support/amqp-arbitraries.ts';
import type { ForeignMessage } from '../foreign-publisher.ts';
import type { Fault, Lab } from '../lab.ts';
import { usualMix } from '../orders.ts';

async function strew({ foreign, signal }: Lab, count: number, make: (index: number) => ForeignMessage): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await foreign.publish(make(index));
    await sleep(4_000 / count, undefined, { signal });
  }
}

const poison = (body: Buffer | string, rest: Partial<ForeignMessage> = {}): ForeignMessage => ({
  id: randomUUID(),
  isPoison: true,
  body: Buffer.from(body),
  ...rest,
});

const unreadable = (name: string, says: string, count: number, make: (index: number) => ForeignMessage): Fault => ({
  name,
  where: 'messages',
  says,
  spanMs: 4_500,
  isMixable: true,
  inject: (lab) => strew(lab, count, make),
});

/**
 * Creates message headers of many AMQP types. Some headers have names that Surehop or RabbitMQ uses, with unusual
 * values.
 */
const foreignHeaders = (index: number) => ({
  'surehop-attempt': ['three', -1, 2 ** 31, { attempt: 1 }, [1]][index % 5],
  'surehop-redrives': 'none',
  'surehop-published-at': 'yesterday',
  traceparent: 'ff-not-a-trace',
  tracestate: 'x'.repeat(2_000),
  'x-death': [{ queue: 'elsewhere', reason: 'expired', count: 99 }],
  'x-delivery-count': 'many',
  'x-acquired-count': 0,
  CC: index % 2 ? ['nowhere'] : undefined,
  table: { of: { tables: [1, 'two', { three: true }] } },
  binary: randomBytes(32),
  empty: '',
  nothing: null,
});

const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value));
  return bytes;
};

const double = (value: number) => {
  const bytes = Buffer.alloc(9, 'd');
  bytes.writeDoubleBE(value, 1);
  return bytes;
};

/** AMQP properties that the broker accepts, although no client library can write them. */
const oddProperties: readonly GivenProperties[] = [
  // A date before 1970, and one before the start of the Gregorian calendar.
  { timestamp: int64(-1n) },
  { timestamp: int64(-30_000_000_000n) },
  { headers: tableOf({ number: double(-1e20) }) },
  { headers: tableOf({ lists: nested(5_000, 'A'), tables: nested(5_000, 'F') }) },
  { headers: tableOf({ ['__proto__']: longString(Buffer.from('x')), '': Buffer.from('V') }) },
  { headers: tableOf({ text: longString(Buffer.from([0x00, 0x53, 0xc0, 0xff])) }) },
  // Decoded as text, each byte of this name becomes three bytes.
  { headers: Buffer.concat([Buffer.alloc(256, 0xff), Buffer.from('V')]) },
  { correlationId: Buffer.alloc(255, 0xff) },
  // These headers fill a frame, so none can be added.
  { headers: tableOf({ full: longString(Buffer.alloc(130_700, 'x')) }) },
];

const DEPTH = 50_000;

export const messageFaults: readonly Fault[] = [
  {
    name: 'publisher-duplicates',
    where: 'messages',
    says: 'clients and publishers send each message two or three times',
    spanMs: 5_000,
    mix: { ...usualMix, twice: 30, thrice: 20 },
    isMixable: true,
    async inject(lab) {
      const orders = await lab.plan(40, { soldout: 10, fails1: 10, thrice: 100 });
      for (const order of orders) await lab.foreign.order(order);
    },
  },
  {
    name: 'batches-redelivered',
    where: 'messages',
    says: 'acknowledgements are lost because the connection is reset, and the broker therefore redelivers whole batches',
    spanMs: 7_000,
    mix: { ...usualMix, fails1: 12, poison: 8 },
    isMixable: true,
    async inject(lab) {
      const end = lab.system.consuming.inject({
        onAcknowledge: () => (lab.random.chance(0.02) ? 'reset-before' : 'pass'),
      });
      try {
        await sleep(6_000, undefined, { signal: lab.signal });
      } finally {
        end();
      }
    },
  },
  {
    name: 'poison-in-every-batch',
    where: 'messages',
    says: 'every fifth order fails at every attempt, and invalid messages arrive between the orders',
    spanMs: 5_000,
    mix: { ...usualMix, poison: 20, fails3: 3 },
    isMixable: true,
    inject: (lab) =>
      strew(lab, 60, (index) => poison(index % 2 ? `{"orderId": "${index}"` : `{"orderId": "no order ${index}"}`)),
  },
  unreadable(
    'oversize',
    'messages of 300 to 600 KB arrive, some of which are too large for one DynamoDB item',
    6,
    (index) => poison(randomBytes(300_000 + index * 60_000)),
  ),
  unreadable(
    'unwritable-message',
    'messages arrive whose AMQP properties no client library can publish again',
    36,
    (index) => poison(`{"orderId": "no order ${index}"}`, { properties: oddProperties[index % oddProperties.length] }),
  ),
  unreadable('no-message-id', 'messages without a message id arrive', 20, (index) =>
    poison(JSON.stringify({ customerId: `nobody-${index}` }), { id: undefined }),
  ),
  unreadable('no-utf8', 'messages arrive whose body is not valid UTF-8', 20, () =>
    poison(
      Buffer.concat([Buffer.from('{"customerId":"'), randomBytes(64), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    ),
  ),
  unreadable('deep-json', `messages arrive whose JSON is nested ${DEPTH} levels deep`, 10, (index) =>
    poison(index % 2 ? '['.repeat(DEPTH) + ']'.repeat(DEPTH) : `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`),
  ),
  {
    name: 'foreign-headers',
    where: 'messages',
    says: 'another publisher sends valid orders with its own headers and with headers that have the same names as those of Surehop',
    spanMs: 4_500,
    isMixable: true,
    async inject(lab) {
      const orders = await lab.plan(30, { soldout: 10, fails1: 20, poison: 10 });
      for (const [index, order] of orders.entries())
        await lab.foreign.order(order, {
          headers: foreignHeaders(index),
          timestamp: index % 3 ? undefined : 2 ** 50,
          contentType: index % 2 ? 'text/plain' : undefined,
        });
    },
  },
];
