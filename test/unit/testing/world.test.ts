import { expect, test } from '@jest/globals';
import * as z from 'zod';

import type { ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import { defineTable } from '../../../lib/dynamodb/tables.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { eventMessage } from '../../../lib/events/publish.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { History } from '../../../lib/testing/history.ts';
import { idOf } from '../../../lib/testing/memory-broker.ts';
import { muted } from '../../../lib/testing/mute.ts';
import { search } from '../../../lib/testing/search.ts';
import { runWorld } from '../../../lib/testing/world.ts';

const things = defineTable({ name: 'things', key: { id: 'S' } });
const sent = defineEvent({ type: 'thing.sent', version: 1, exchange: 'things', schema: z.object({}) });
const definition = {
  queue: workQueue('things'),
  event: sent,
  decide: () => ({ effects: [] }),
} satisfies ConsumerDefinition<any>;
const messages = ['m1', 'm2'].map((id) =>
  eventMessage(sent, {}, { id: id as MessageId, appId: 'test', publishedAtMs: Date.parse('2026-01-01T00:00:00Z') }),
);

test('if a process crashes after its batch was redelivered to another process, the simulated broker does not lose the batch', async () => {
  // Environment 1 gets m1, environment 2 gets m2, the batch of environment 1 returns to the queue, and environment 3
  // gets m1. Then environment 1 continues, and crashes.
  const choices = [1, 1, 2, 2, 1];
  const { broker } = await muted(() =>
    runWorld(
      {
        definition,
        messages,
        faults: 1,
        environments: 2,
        switches: 3,
        hasZombies: true,
        stepMs: 1_000,
        around: async (_, { context, crash }) => {
          await context.read(things, { id: 'any' });
          return crash();
        },
      },
      () => choices.shift() ?? 0,
    ),
  );
  expect(broker.deadLetters.map(idOf).toSorted()).toEqual(['m1', 'm2']);
});

test('every kind of fault occurs in at least one of the simulations with one fault', async () => {
  const lines = new Set<string>();
  await muted(() =>
    search(
      async (choose) => {
        const history = new History();
        const onlyFirst = messages.slice(0, 1);
        await runWorld(
          { definition, messages: onlyFirst, faults: 1, environments: 2, switches: 1, hasZombies: true, history },
          choose,
        );
        const texts = history.lines.map((line) => line.replace(/^ *(\d+\. )?(environment \d+: )?/, ''));
        for (const [index, text] of texts.entries()) lines.add(`${texts[index - 1]}; ${text}`);
      },
      { deviations: 1, runs: 1_000, seed: 1 },
    ),
  );
  // Each text consists of two consecutive lines of a history.
  expect([...lines]).toEqual(
    expect.arrayContaining([
      'commit m1: the process crashes before this step; the process crashes',
      'completed; commit m1: this step fails and has no effect',
      'm1 is completed; the process crashes',
      'm1 is completed; the answer is lost',
      'record the progress of the queue; the acknowledgement is lost',
      'the acknowledgement is lost; deliver m1 again',
      'completed; the batch returns to the queue while it is being processed',
    ]),
  );
});
