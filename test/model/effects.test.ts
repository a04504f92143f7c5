import { describe, expect, jest, test } from '@jest/globals';
import * as z from 'zod';

import type { ConsumerDefinition } from '../../lib/consumer/consumer.ts';
import type { RuleContext } from '../../lib/message/rule.ts';
import type { Effect } from '../../lib/dynamodb/effects.ts';
import { Table } from '../../lib/dynamodb/tables.ts';
import { defineEvent } from '../../lib/events/define.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import { type Decision } from '../../lib/inbox/decision.ts';
import type { StoredItems } from '../../lib/testing/stored-items.ts';
import { giveItem } from '../../lib/testing/stored-items.ts';
import { exchanges, queues } from '../support/example/topology.ts';
import type { ModelMessage } from './model-message.ts';
import { prove, type ModelOptions } from './run-model.ts';

// The tests need much processor time, and other tests may run at the same time.
jest.setTimeout(600_000);

const things = new Table({ name: 'things', key: { id: 'S' } });
const kinds = ['set', 'append', 'include', 'delete', 'check', 'put', 'first', 'read'] as const;
type Kind = (typeof kinds)[number];
const sent = defineEvent({
  type: 'thing.sent',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({ id: z.string(), kind: z.enum(kinds) }),
});

const shared = { id: 'shared' };
const old = (id: string) => ({ id: `old-${id}` });

/**
 * Returns the effects of a message. One effect appends the message id to the list `done` of a shared item, so that a
 * test can count how often the effects are applied.
 */
function effectsOf(kind: Kind, id: string): Effect[] {
  const count = things.append(shared, { done: [id] });
  switch (kind) {
    case 'set':
      return [
        count,
        things.set(old(id), { state: 'set', nested: { by: [id, null, { deep: true }] }, gone: undefined }),
      ];
    case 'append':
      return [things.append(shared, { done: [id], lines: [{ by: id }] })];
    case 'include':
      return [things.append(shared, { done: [id], members: new Set([id, 'all']) })];
    case 'delete':
      return [count, things.delete(old(id), { when: { state: { oneOf: ['old', 'other'] } } })];
    case 'check':
      return [count, things.check(old(id), { state: { beginsWith: 'o' }, gone: { exists: true } })];
    case 'put':
      return [count, things.put({ id: `new-${id}` }, { state: 'new' }, { when: 'absent' })];
    case 'first':
      return [count, things.set(shared, { first: id }, { when: { first: { exists: false } } })];
    case 'read':
      return [count];
  }
}

async function decide({ id, kind }: z.infer<typeof sent.schema>, { read }: RuleContext): Promise<Decision> {
  const effects = effectsOf(kind, id);
  if (kind === 'first') {
    const second = [things.append(shared, { done: [id] })];
    return { effects, otherwise: { outcome: 'completed', reason: 'NOT_FIRST', effects: second } };
  }
  if (kind !== 'read') return { effects };
  const item = await read(things, old(id));
  return { effects: [...effects, things.set(old(id), { seen: Number(item?.['seen'] ?? 0) + 1 })] };
}

const definition = { queue: queues.loans, event: sent, decide } satisfies ConsumerDefinition<any>;
const performing = { queue: queues.loans, event: sent, perform: decide } satisfies ConsumerDefinition<any>;

const messagesOf = (kinds: readonly Kind[], copies: number): ModelMessage[] =>
  kinds.map((kind, index) => {
    const id = `${kind}-${index}` as MessageId;
    return { id, copies, type: sent.type, body: { id, kind }, isPoison: false, due: 1, endsEitherWay: false };
  });

function check(messages: readonly ModelMessage[], { item }: StoredItems): string[] {
  const all: Record<string, unknown> = item(things, shared) ?? {};
  const done = (all['done'] ?? []) as readonly string[];
  const wrong = messages.flatMap(({ id, body }) => {
    const { kind } = body as { kind: Kind };
    const before = item(things, old(id));
    const isRight = {
      set: before?.['state'] === 'set' && !('gone' in before),
      append: JSON.stringify(all['lines'] ?? []).split(`{"by":"${id}"}`).length === 2,
      include: all['members'] instanceof Set && all['members'].has(id),
      delete: before === undefined,
      check: before?.['state'] === 'old',
      put: item(things, { id: `new-${id}` })?.['state'] === 'new',
      first: all['first'] !== undefined,
      read: before?.['seen'] === 1,
    }[kind];
    return isRight ? [] : [`the effects of ${id} are wrong: ${JSON.stringify({ all, before })}`];
  });
  const counts = messages.map(({ id }) => done.filter((one) => one === id).length);
  return counts.every((count) => count === 1)
    ? wrong
    : [...wrong, `the messages were applied ${counts.join(', ')} times`];
}

const scenario = (
  kinds: readonly Kind[],
  options: Partial<ModelOptions> & { readonly copies?: number },
): (() => ModelOptions) => {
  const { copies = 1, ...others } = options;
  const messages = messagesOf(kinds, copies);
  return () => ({
    messages,
    definition,
    faults: 1,
    prepare: (store) => {
      for (const { id } of messages) giveItem(store, things, old(id), { state: 'old', gone: 1 });
    },
    check: (items) => check(messages, items),
    ...others,
  });
};

type Case = [situation: string, kinds: readonly Kind[], options: Partial<ModelOptions> & { readonly copies?: number }];
const cases: readonly Case[] = [
  ['set with nested values and a removed attribute', ['set'], { faults: 2 }],
  ['append to a list', ['append', 'append'], {}],
  ['append to a set', ['include', 'include'], {}],
  ['delete with a condition', ['delete'], { faults: 2 }],
  ['check', ['check'], { faults: 2 }],
  ['put of a new item', ['put'], { copies: 2 }],
  ['two messages of which only the first meets its condition', ['first', 'first'], {}],
  ['a rule that reads an item', ['read'], { faults: 2 }],
  ['several kinds of effects in one batch', ['set', 'append', 'delete', 'check'], { hasWholeBatches: true }],
  [
    'a message that is sent twice, with two execution environments',
    ['append'],
    { copies: 2, environments: 2, hasZombies: true, switches: 2 },
  ],
];

describe('the effects of a decision', () => {
  for (const [situation, kinds, options] of cases)
    test(`the effects of a decision are applied exactly once despite crashes, lost responses and duplicates: ${situation}`, async () => {
      expect(await prove(scenario(kinds, options))).toBeGreaterThan(5);
    });
});

describe('the effects that a perform function returns', () => {
  for (const [situation, kinds, options] of cases)
    test(`the effects that a perform function returns are applied exactly once despite crashes, lost responses and duplicates: ${situation}`, async () => {
      const explored = await prove(scenario(kinds, { ...options, definition: performing, stepMs: 4_000 }));
      expect(explored).toBeGreaterThan(5);
    });
});
