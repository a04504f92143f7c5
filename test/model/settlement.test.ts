import { describe, expect, jest, test } from '@jest/globals';

import type * as z from 'zod';

import { queues } from '../support/example/topology.ts';
import { decide, definition, messagesOf, modelled, type Kind } from './modelled-consumer.ts';
import { prove, type ModelOptions } from './run-model.ts';

jest.setTimeout(600_000);

describe('a consumer with one execution environment', () => {
  const cases: readonly [situation: string, kinds: readonly Kind[], copies: number, faults: number][] = [
    ['a valid message', ['sound'], 1, 2],
    ['a valid message that its publisher sends twice', ['sound'], 2, 1],
    ['a message that fails once', ['fails'], 1, 2],
    ['a message that fails once, and is sent twice', ['fails'], 2, 1],
    ['a rejected message that publishes an event', ['rejected'], 1, 2],
    ['a poison message', ['poison'], 1, 2],
    ['a failing, a poison and a valid message in one batch', ['fails', 'poison', 'sound'], 1, 1],
    ['a message that crashes the process, with a valid message', ['killer', 'sound'], 1, 0],
  ];
  for (const [situation, kinds, copies, faults] of cases)
    test(`every message reaches exactly one final state despite crashes, lost responses and duplicates: ${situation}`, async () => {
      const explored = await prove(() => ({ messages: messagesOf(kinds, copies), definition, faults }));
      expect(explored).toBeGreaterThan(faults > 0 ? 20 : 0);
    });
});

test('while the dead letter of one message cannot be published, no other message is published twice to a delay queue or as a dead letter', async () => {
  const explored = await prove(() => ({
    messages: messagesOf(['fails', 'poison', 'rejected']),
    definition,
    faults: 0,
    refusals: 4,
  }));
  expect(explored).toBeGreaterThan(1);
});

test('while one message of an ordered queue cannot be dead-lettered, every other message is published to a delay queue at most once', async () => {
  const queue = { ...definition.queue, ordered: true };
  const orderBy = ({ kind }: z.infer<typeof modelled.schema>) => (kind === 'poison' ? 'its own' : 'one');
  const explored = await prove(() => {
    const messages = messagesOf(['fails', 'sound', 'poison']);
    const order = [messages.slice(0, 2).map(({ id }) => id)];
    return { messages, definition: { ...definition, queue, orderBy }, faults: 0, refusals: 4, order };
  });
  expect(explored).toBeGreaterThan(1);
});

describe('a follow-up event that no queue receives at first', () => {
  const cases: readonly [situation: string, kinds: readonly Kind[], options: Partial<ModelOptions>][] = [
    ['with a valid and a failing message', ['rejected', 'sound', 'fails'], { unroutable: 3 }],
    ['with one fault', ['rejected', 'sound'], { unroutable: 2, faults: 1 }],
    ['with a refused dead letter', ['rejected', 'poison'], { unroutable: 2, refusals: 2 }],
    ['with two execution environments', ['rejected'], { unroutable: 2, environments: 2, switches: 2 }],
  ];
  for (const [situation, kinds, options] of cases)
    test(`a follow-up event that no queue receives at first is published later, and every message reaches exactly one final state: ${situation}`, async () => {
      const explored = await prove(() => ({ messages: messagesOf(kinds), definition, faults: 0, ...options }));
      expect(explored).toBeGreaterThan(1);
    });
});

describe('messages of one key on an ordered queue', () => {
  const queue = { ...definition.queue, ordered: true };
  const ordered = { ...definition, queue, orderBy: ({ key }: z.infer<typeof modelled.schema>) => key };
  const cases: readonly [situation: string, kinds: readonly Kind[], faults: number][] = [
    ['all are valid', ['sound', 'sound'], 2],
    ['the first fails once', ['fails', 'sound'], 1],
    ['the second of three fails once', ['sound', 'fails', 'sound'], 1],
    ['the first is a poison message', ['poison', 'sound'], 1],
    ['the first is rejected', ['rejected', 'sound'], 1],
    ['each attempt to process the first may fail', ['either', 'sound'], 1],
  ];
  for (const [situation, kinds, faults] of cases)
    test(`messages of one key are processed in order despite crashes and lost responses: ${situation}`, async () => {
      const explored = await prove(() => {
        const messages = messagesOf(kinds);
        return { messages, definition: ordered, faults, order: [messages.map(({ id }) => id)] };
      });
      expect(explored).toBeGreaterThan(20);
    });

  test('if a message fails on an ordered queue without retries and a later message with the same ordering key is processed, a crash does not cause the failed message to be processed again', async () => {
    const explored = await prove(() => {
      const messages = messagesOf(['either', 'sound']);
      const once = { ...ordered, queue: { ...queue, delays: [] } };
      return { messages, definition: once, faults: 1, order: [messages.map(({ id }) => id)] };
    });
    expect(explored).toBeGreaterThan(20);
  });
});

describe('two execution environments that consume one queue', () => {
  /** The definition of a consumer that attempts each message only once, because its queue has no delay queues. */
  const once = { ...definition, queue: { ...definition.queue, delays: [] } };
  type Case = [situation: string, kinds: readonly Kind[], copies: number, options: Partial<ModelOptions>];
  const cases: readonly Case[] = [
    ['a valid message that is sent twice', ['sound'], 2, { faults: 1, hasZombies: true, switches: 3 }],
    ['a message that fails once', ['fails'], 1, { faults: 1, hasZombies: true, switches: 1 }],
    ['a message that fails once, and is sent twice', ['fails'], 2, { switches: 3 }],
    ['a rejected message that is sent twice', ['rejected'], 2, { faults: 1, hasZombies: true, switches: 2 }],
    ['a poison message that is sent twice', ['poison'], 2, { faults: 1, hasZombies: true, switches: 2 }],
    [
      'a message that succeeds in one execution environment and fails at its only attempt in the other environment',
      ['either'],
      2,
      { faults: 1, hasZombies: true, switches: 2, definition: once },
    ],
    [
      'a message each of whose attempts may succeed, fail, or fail permanently',
      ['varies'],
      1,
      { faults: 1, hasZombies: true, switches: 1 },
    ],
    ['a failing and a poison message', ['fails', 'poison'], 1, { switches: 3 }],
    [
      'a message that crashes the process, with a valid message',
      ['killer', 'sound'],
      1,
      { switches: 3, hasWholeBatches: true },
    ],
    ['a message that crashes the process and is sent twice', ['killer'], 2, { switches: 3, hasWholeBatches: true }],
  ];
  for (const [situation, kinds, copies, options] of cases)
    test(`every message reaches exactly one final state when two execution environments consume its queue: ${situation}`, async () => {
      const explored = await prove(() => {
        return { messages: messagesOf(kinds, copies), definition, faults: 0, environments: 2, ...options };
      });
      expect(explored).toBeGreaterThan(20);
    });
});

describe('a batch that is redelivered while an execution environment is still processing it', () => {
  const queue = { ...definition.queue, ordered: true };
  const ordered = { ...definition, queue, orderBy: ({ key }: z.infer<typeof modelled.schema>) => key };
  const cases: readonly [situation: string, kinds: readonly Kind[], hasWholeBatches: boolean][] = [
    ['all are valid', ['sound', 'sound'], false],
    ['the first fails once', ['fails', 'sound'], true],
    ['the first is a poison message', ['poison', 'sound'], false],
    ['each attempt to process the first may fail', ['either', 'sound'], true],
  ];
  for (const [situation, kinds, hasWholeBatches] of cases)
    test(`messages of one key are processed in order if their batch is redelivered while it is still being processed: ${situation}`, async () => {
      const explored = await prove(() => {
        const messages = messagesOf(kinds);
        const order = [messages.map(({ id }) => id)];
        return { messages, definition: ordered, faults: 1, switches: 1, hasZombies: true, hasWholeBatches, order };
      });
      expect(explored).toBeGreaterThan(20);
    });

  test('messages of one key are processed in order and each reaches exactly one final state, even if a message is retried in one execution environment and fails permanently in another', async () => {
    // With a single retry, the number of possible runs is small enough to try all of them.
    const retriedOnce = { ...ordered, queue: { ...queue, delays: queue.delays.slice(0, 1) } };
    const explored = await prove(() => {
      const messages = messagesOf(['varies', 'sound']);
      const order = [messages.map(({ id }) => id)];
      const together = { faults: 1, switches: 1, hasZombies: true, hasWholeBatches: true };
      return { messages, definition: retriedOnce, order, ...together };
    });
    expect(explored).toBeGreaterThan(20);
  });
});

describe('messages whose perform function runs under a lease', () => {
  const performing = {
    queue: queues.loans,
    event: modelled,
    perform: async (event: z.infer<typeof modelled.schema>, context: { attempt: number }) => decide(event, context),
  };
  /**
   * How far the simulated clock advances with each batch, in ms. A lease lasts 6,000 ms, so that the lease of a message
   * is still valid in the next batch, but has expired in the one after it.
   */
  const stepMs = 4_000;
  type Case = [situation: string, kinds: readonly Kind[], copies: number, options: Partial<ModelOptions>];
  const cases: readonly Case[] = [
    ['valid messages', ['sound', 'sound'], 1, { faults: 1 }],
    ['a valid message, with two faults', ['sound'], 1, { faults: 2 }],
    [
      'a message whose condition fails and whose business rule returns alternative effects',
      ['rejected'],
      1,
      { faults: 2 },
    ],
    ['a message that fails once', ['fails'], 1, { faults: 1 }],
    ['a poison message and a valid message', ['poison', 'sound'], 1, { faults: 1 }],
    ['a message that crashes the process, with a valid message', ['killer', 'sound'], 1, { hasWholeBatches: true }],
    [
      'a valid message that is sent twice, with two execution environments',
      ['sound'],
      2,
      { faults: 1, environments: 2, hasZombies: true, switches: 2 },
    ],
    [
      'a rejected message that is sent twice, with two execution environments',
      ['rejected'],
      2,
      { faults: 1, environments: 2, hasZombies: true, switches: 2 },
    ],
    [
      'a poison message that is sent twice, with two execution environments',
      ['poison'],
      2,
      { environments: 2, switches: 2 },
    ],
  ];
  for (const [situation, kinds, copies, options] of cases)
    test(`every message of a consumer with a perform function reaches exactly one final state, despite crashes after the function and before the commit: ${situation}`, async () => {
      const explored = await prove(() => {
        return { messages: messagesOf(kinds, copies), definition: performing, faults: 0, stepMs, ...options };
      });
      expect(explored).toBeGreaterThan(0);
    });
});
