import { expect, test } from '@jest/globals';

import { headerNames } from '../../../lib/events/envelope.ts';
import type { Message } from '../../../lib/events/message.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { brokenInvariant } from '../../../lib/testing/invariants.ts';
import { createMemoryBroker } from '../../../lib/testing/memory-broker.ts';
import { emptyStore } from '../../../lib/testing/memory-store.ts';
import type { World } from '../../../lib/testing/world.ts';

const queue = workQueue('loans');
const id = 'm1' as MessageId;

/**
 * Creates the result of a simulation in which the message `m1` was completed `commits` times and dead-lettered once for
 * each id in `deadLetters`.
 */
function aWorld({
  commits = 0,
  deadLetters = [] as string[],
  events = [] as string[],
  published = [] as [string, object][],
}): World {
  const store = emptyStore();
  for (let time = 0; time < commits; time += 1)
    store.commits.push({ id, state: 'completed', effects: [], changes: [], failedConditions: [] });
  if (commits > 0)
    store.markers.set(id, {
      state: 'completed',
      queue: queue.name,
      id,
      payloadHash: 'hash',
      at: '2026-01-01T00:00:00.000Z',
      events: events.map((event) => ({ id: event as MessageId, type: 'sent', version: 1, exchange: 'shop', data: {} })),
    });
  const broker = createMemoryBroker(queue);
  const message = (exchange: string, messageId: string, body: object, headers: Message['properties']['headers']) =>
    broker.take(
      {
        exchange,
        routingKey: '',
        body: Buffer.from(JSON.stringify(body)),
        properties: { messageId, type: 'sent', headers },
      },
      0,
    );
  for (const letter of deadLetters) message(queue.deadLetterExchange, id, {}, { [headerNames.deadLetterId]: letter });
  for (const [event, data] of published) message('shop', event, data, {});
  return { store, broker, repeated: [] };
}

test.each([
  [{ commits: 1 }],
  [{ deadLetters: ['d1', 'd1'] }],
  [
    {
      commits: 1,
      events: ['e1'],
      published: [
        ['e1', {}],
        ['e1', {}],
      ] as [string, object][],
    },
  ],
])('brokenInvariant finds no broken invariant in a correct run (case %#)', (given) => {
  expect(brokenInvariant(aWorld(given), [id])).toBeUndefined();
});

test.each([
  [{}, 'the message m1 was lost: it is neither completed nor dead-lettered'],
  [{ commits: 2 }, 'the effects of the message m1 were applied 2 times'],
  [{ commits: 1, deadLetters: ['d1'] }, 'the message m1 was completed and also dead-lettered'],
  [{ deadLetters: ['d1', 'd2'] }, 'the message m1 has 2 dead letters'],
  [{ commits: 1, events: ['e1'] }, 'the event sent of the message m1 was never published'],
  [
    { commits: 1, published: [['e1', {}]] as [string, object][] },
    'the event sent was published, but belongs to no completed message',
  ],
  [
    {
      commits: 1,
      events: ['e1'],
      published: [
        ['e1', { a: 1 }],
        ['e1', { a: 2 }],
      ] as [string, object][],
    },
    'the event sent was published with the same id but different data: {"a":1} and {"a":2}',
  ],
])('brokenInvariant describes the invariant that an incorrect run violates (case %#)', (given, text) => {
  expect(brokenInvariant(aWorld(given), [id])).toBe(text);
});
