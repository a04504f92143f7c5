import { describe, expect, test } from '@jest/globals';

import { tables } from '../../infra/tables.ts';
import { exchanges, queues } from '../../infra/topology.ts';
import type { ConsumerDefinition } from '../../lib/consume/consumer.ts';
import { PermanentError } from '../../lib/errors.ts';
import { defineEvent } from '../../lib/event.ts';
import { emit, type Decision } from '../../lib/inbox/decision.ts';
import type { MessageId } from '../../lib/message-id.ts';
import * as z from 'zod';
import { violationsOf } from '../faults/invariants.ts';
import { explore } from './explore.ts';
import type { ModelMessage } from './model-message.ts';
import { runModel, type ModelOptions } from './world.ts';

process.env.LOG_LEVEL = 'ERROR';
process.env.POWERTOOLS_METRICS_DISABLED = 'true';
process.env.POWERTOOLS_DEV = 'false';

type Kind = 'sound' | 'fails' | 'rejected' | 'poison' | 'killer';

const modelled = defineEvent({
  type: 'model.sent',
  version: 1,
  exchange: exchanges.orders,
  schema: z.object({
    id: z.string(),
    kind: z.enum(['sound', 'fails', 'rejected', 'poison', 'killer']),
    key: z.string(),
  }),
});

const followed = defineEvent({ type: 'model.followed', version: 1, exchange: exchanges.orders, schema: z.object({}) });

function decide({ id, kind }: z.infer<typeof modelled.schema>, { attempt }: { attempt: number }): Decision {
  if (kind === 'fails' && attempt === 1) throw new Error('not this time');
  if (kind === 'poison') throw new PermanentError('POISON', 'never');
  const add = { kind: 'add', table: tables.stock, key: { sku: id }, attribute: 'available', by: 1 } as const;
  if (kind !== 'rejected') return { effects: [add] };
  return {
    effects: [{ ...add, atLeast: 1 }],
    otherwise: { outcome: 'rejected', reason: 'NO', effects: [], events: [emit(followed, {})] },
  };
}

const definition = { queue: queues.stock, event: modelled, decide } satisfies ConsumerDefinition<any>;

let runs = 0;

/** Messages with ids that no other run has: an environment remembers those that it met. */
const messagesOf = (kinds: readonly Kind[], copies = 1): ModelMessage[] => {
  runs += 1;
  return kinds.map((kind, index) => {
    const id = `${runs}-${index}` as MessageId;
    return {
      id,
      copies,
      type: modelled.type,
      body: { id, kind, key: 'one' },
      isPoison: kind === 'poison' || kind === 'killer',
      isKiller: kind === 'killer',
      due: kind === 'sound' || kind === 'fails' ? 1 : 0,
    };
  });
};

/** Explores every run; expects each to balance. */
const prove = async (options: () => ModelOptions) =>
  explore(async (choose) => {
    const violations = violationsOf(await runModel(options(), choose));
    if (Object.keys(violations).length > 0) throw new Error(JSON.stringify(violations));
  });

describe('in every interleaving of crashes, lost answers, redeliveries and duplicates each message ends exactly once', () => {
  const cases: readonly [what: string, kinds: readonly Kind[], copies: number, faults: number][] = [
    ['a sound message', ['sound'], 1, 2],
    ['a sound message that its publisher sends twice', ['sound'], 2, 1],
    ['a message that fails once', ['fails'], 1, 2],
    ['a message that fails once, and is sent twice', ['fails'], 2, 1],
    ['a rejected message, with the event that follows', ['rejected'], 1, 2],
    ['poison', ['poison'], 1, 2],
    ['a failing message, poison and a sound one in one batch', ['fails', 'poison', 'sound'], 1, 1],
    ['a message that takes the runtime down, and its neighbour', ['killer', 'sound'], 1, 0],
  ];
  for (const [what, kinds, copies, faults] of cases)
    test(`${what}: every run keeps the invariants`, async () => {
      const explored = await prove(() => ({ messages: messagesOf(kinds, copies), definition, faults }));
      expect(explored).toBeGreaterThan(faults > 0 ? 20 : 0);
    });
});

test('messages never multiply while a neighbour cannot be placed', async () => {
  const explored = await prove(() => ({
    messages: messagesOf(['fails', 'poison', 'rejected']),
    definition,
    faults: 0,
    refusals: 4,
  }));
  expect(explored).toBeGreaterThan(1);
});

describe('in every interleaving messages of one key are done in the order of their arrival', () => {
  const queue = { ...definition.queue, ordered: true };
  const ordered = { ...definition, queue, orderBy: ({ key }: z.infer<typeof modelled.schema>) => key };
  const cases: readonly [what: string, kinds: readonly Kind[], faults: number][] = [
    ['where all are sound', ['sound', 'sound'], 2],
    ['where the first fails once', ['fails', 'sound'], 1],
    ['where the second of three fails once', ['sound', 'fails', 'sound'], 1],
    ['where the first is poison', ['poison', 'sound'], 1],
    ['where the first is rejected', ['rejected', 'sound'], 1],
  ];
  for (const [what, kinds, faults] of cases)
    test(`${what}: every run keeps the invariants`, async () => {
      const explored = await prove(() => {
        const messages = messagesOf(kinds);
        return { messages, definition: ordered, faults, order: [messages.map(({ id }) => id)] };
      });
      expect(explored).toBeGreaterThan(20);
    });
});
