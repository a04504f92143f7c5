import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import * as z from 'zod';

import type { ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import { defineTable } from '../../../lib/dynamodb/tables.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { eventMessage } from '../../../lib/events/publish.ts';
import type { RuleContext } from '../../../lib/message/rule.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { muted } from '../../../lib/testing/mute.ts';
import { runWorld } from '../../../lib/testing/world.ts';
import type { WorldOptions } from '../../../lib/testing/world-options.ts';
import type { Snapshot } from '../../../lib/testing/world-state.ts';

const schema = z.object({ fails: z.boolean() });
const things = defineTable({ name: 'things', key: { id: 'S' } });
const sent = defineEvent({ type: 'thing.sent', version: 1, exchange: 'things', schema });
const publishedAtMs = Date.parse('2026-01-01T00:00:00Z');
const messages = ['m1', 'm2'].map((id) =>
  eventMessage(sent, { fails: id === 'm1' }, { id: id as MessageId, appId: 'test', publishedAtMs }),
);
const definition = {
  queue: workQueue('things'),
  event: sent,
  decide({ fails }, { attempt }) {
    if (fails && attempt === 1) throw new Error('not this time');
    return { effects: [] };
  },
} satisfies ConsumerDefinition<z.infer<typeof schema>>;
const ordered = { ...definition, queue: workQueue('things', { ordered: true }), orderBy: () => 'one' };
/** A consumer whose business rule reads from the store without waiting for the result. */
const reading = {
  ...definition,
  decide(data, context) {
    void readTenTimes(context.read).catch(() => {});
    return definition.decide(data, context);
  },
} satisfies ConsumerDefinition<z.infer<typeof schema>>;

async function readTenTimes(read: RuleContext['read']): Promise<void> {
  for (let time = 0; time < 10; time += 1) await read(things, { id: 'any' });
}

interface Moment {
  readonly state: string;
  /** How many choices the simulation had made. */
  readonly choices: number;
  readonly snapshot: Snapshot | undefined;
}

/** Runs a simulation. Returns its state before each action. */
async function statesOf(options: Omit<WorldOptions, 'messages'>, choices: readonly number[]): Promise<Moment[]> {
  const moments: Moment[] = [];
  let made = 0;
  const isExplored: WorldOptions['isExplored'] = (state, snapshot) => {
    moments.push({ state: state(), choices: made, snapshot: snapshot?.() });
    return false;
  };
  await muted(() => runWorld({ messages, ...options, isExplored }, (ways) => (choices[made++] ?? 0) % ways));
  return moments;
}

const textsOf = (moments: readonly Moment[]): string[] => moments.map(({ state }) => state);

describe('a simulation that continues from a snapshot', () => {
  const cases: readonly [situation: string, options: Omit<WorldOptions, 'messages'>][] = [
    ['without faults', { definition, faults: 0 }],
    ['with crashes', { definition, faults: 2 }],
    ['with an ordered queue', { definition: ordered, faults: 2 }],
    [
      'with two execution environments',
      { definition, faults: 2, environments: 2, switches: 3, hasZombies: true, stepMs: 4_000 },
    ],
    ['with calls that continue after the batch', { definition: reading, faults: 0, environments: 2, switches: 2 }],
  ];
  // The usual choice comes often. Otherwise every fault would happen at the first opportunity.
  const choice = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(5) });

  for (const [situation, options] of cases)
    test(`a simulation that continues from a snapshot passes through the same states as the simulation that started from the beginning (${situation})`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(choice, { minLength: 30, maxLength: 30 }), async (choices) => {
          const whole = await statesOf(options, choices);
          for (const [index, { snapshot, choices: made }] of whole.entries()) {
            if (!snapshot) continue;
            const rest = await statesOf({ ...options, from: snapshot }, choices.slice(made));
            expect(textsOf(rest)).toEqual(textsOf(whole.slice(index)));
          }
        }),
        { numRuns: 10, seed: 1 },
      );
    });
});

test('while a process has a batch, its state text contains what it kept in memory when the batch was delivered', async () => {
  const options = { definition, faults: 0, environments: 2 };
  const [start] = await statesOf(options, []);
  const { state, memories } = start!.snapshot!;
  const [first, ...others] = memories;
  // Environment 1 gets the batch.
  const other = [{ ...first!, confirmed: new Set(['e1' as MessageId]) }, ...others];
  const continued = async (from: Snapshot) => textsOf(await statesOf({ ...options, from }, [])).slice(0, 2);
  const [one, two] = [await continued({ state, memories }), await continued({ state, memories: other })];
  expect(one).toHaveLength(2);
  for (const [index, text] of one.entries()) expect(two[index]).not.toBe(text);
});
