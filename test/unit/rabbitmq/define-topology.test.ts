import { describe, expect, test } from '@jest/globals';

import { deadLetterQueue, queues, topology } from '../../support/example/topology.ts';
import { delayQueueFor } from '../../../lib/rabbitmq/topology/delays.ts';
import { defineTopology, workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { destinationOf } from '../../../lib/rabbitmq/topology/topology.ts';
import { queuesWith } from '../../support/topology.ts';

const namesOf = (things: readonly { readonly name: string }[]) => things.map(({ name }) => name);
const queueNamed = (name: string) => topology.queues.find((queue) => queue.name === name);

describe('service topology', () => {
  test('the topology of the service keeps the names of exchanges and queues that already exist on deployed brokers', () => {
    expect(namesOf(topology.exchanges)).toEqual(['library', 'dead-letters', 'retry.1s', 'retry.2s', 'retry.4s']);
    expect(namesOf(topology.queues)).toEqual(['loans', 'notices', 'retry.1s', 'retry.2s', 'retry.4s', 'dead-letters']);
    expect(topology.bindings.filter(({ exchange }) => exchange === 'library')).toEqual([
      { exchange: 'library', queue: 'loans', routingKey: 'loan.created' },
      { exchange: 'library', queue: 'notices', routingKey: 'loan.created' },
      { exchange: 'library', queue: 'notices', routingKey: 'loan.rejected' },
    ]);
    expect(queuesWith()).toEqual(queues);
  });

  test('every queue in the topology of the service has at-least-once dead-lettering, except the dead-letter queue', () => {
    for (const { name } of topology.queues.filter((queue) => queue.name !== deadLetterQueue))
      expect(queueNamed(name)?.arguments).toMatchObject({
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
        'x-dead-letter-exchange': expect.any(String),
      });
  });

  test('every queue in the topology of the service is bound to an exchange', () => {
    const bound = new Set(topology.bindings.map((binding) => destinationOf(binding).name));
    expect(namesOf(topology.queues).filter((name) => !bound.has(name))).toEqual([]);
  });
});

describe('delays', () => {
  test('by default, the delays of a work queue are 1, 2 and 4 seconds, and each delay has a queue with that TTL', () => {
    for (const { delays } of Object.values(queues)) {
      expect(delays.map(({ delayMs }) => delayMs)).toEqual([1_000, 2_000, 4_000]);
      for (const { name, delayMs } of delays)
        expect(queueNamed(name)?.arguments).toMatchObject({ 'x-message-ttl': delayMs, 'x-dead-letter-exchange': '' });
    }
  });

  test('the topology declares exactly the delay queues that a work queue uses, shortest first', () => {
    const { queues: declared, bindings } = defineTopology({
      shipping: workQueue('shipping', { delays: ['10s', '1m'] }),
      billing: workQueue('billing', { delays: ['500ms', '60s', '2h'] }),
    });
    const names = ['retry.500ms', 'retry.10s', 'retry.1m', 'retry.2h'];
    expect(namesOf(declared)).toEqual(['shipping', 'billing', ...names, 'dead-letters']);
    for (const name of names) expect(bindings).toContainEqual({ exchange: name, queue: name, routingKey: '' });
  });

  test.each([
    [[], 'delays is empty'],
    [['1s', '5'], 'delay "5" is not a whole number followed by ms, s, m or h'],
    [['1.5s'], 'delay "1.5s" is not a whole number'],
    [['0s'], 'delay "0s" is not a whole number'],
    [['-1s'], 'delay "-1s" is not a whole number'],
    [['1 s'], 'delay "1 s" is not a whole number'],
    [['1d'], 'delay "1d" is not a whole number'],
    [['25h'], 'delay "25h" is longer than 24h'],
    [['1m', '10s'], 'delay "10s" is shorter than "1m" before it'],
  ])(
    'declaring a work queue with the delays %j fails with an error that names the queue and the wrong value',
    (delays, reason) => {
      expect(() => workQueue('shipping', { delays })).toThrow(`work queue "shipping": ${reason}`);
    },
  );

  test.each([
    [0, 'retry.10s'],
    [10_000, 'retry.10s'],
    [10_001, 'retry.1m'],
    [90_000, 'retry.1m'],
  ])(
    'a retry after %d ms uses the delay queue %s, which has the shortest sufficient delay or else the longest delay',
    (delayMs, name) => {
      expect(delayQueueFor(workQueue('shipping', { delays: ['10s', '1m'] }).delays, delayMs).name).toBe(name);
    },
  );
});

test.each([
  ['queue "loans"', { one: workQueue('loans'), two: workQueue('loans') }],
  ['queue "retry.1s"', { one: workQueue('retry.1s') }],
  ['queue "dead-letters"', { one: workQueue('dead-letters') }],
  ['exchange "library"', { one: workQueue('library', { shards: 2, bindings: { library: ['loan.created'] } }) }],
  ['exchange "retry.1s"', { one: workQueue('loans', { bindings: { 'retry.1s': ['loan.created'] } }) }],
])('defining a topology that declares the %s twice fails', (name, workQueues) => {
  expect(() => defineTopology(workQueues)).toThrow(`the topology declares the ${name} twice`);
});
