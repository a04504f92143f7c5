import { describe, expect, jest, test } from '@jest/globals';
import type * as z from 'zod';

import type { ConsumerDefinition } from '../../lib/consumer/consumer.ts';
import type { Marker } from '../../lib/inbox/inbox.ts';
import type { MemoryStore } from '../../lib/testing/memory-store.ts';
import { exploreCompletely } from './explore.ts';
import { violationsOf, type InvariantName } from './invariants.ts';
import { decide, definition, messagesOf, modelled, type Kind } from './modelled-consumer.ts';
import { quietly, runModel, type ModelOptions } from './run-model.ts';

jest.setTimeout(300_000);

const ordered = {
  ...definition,
  queue: { ...definition.queue, ordered: true },
  orderBy: ({ key }: z.infer<typeof modelled.schema>) => key,
} satisfies ConsumerDefinition<any>;
const { decide: _, ...undecided } = definition;
const performing = {
  ...undecided,
  perform: async (event: z.infer<typeof modelled.schema>, context: { attempt: number }) => decide(event, context),
} satisfies ConsumerDefinition<any>;
const once = { ...definition, queue: { ...definition.queue, delays: [] } };

function ignoringMarkers(isIgnored: (marker: Marker) => boolean) {
  return ({ markers }: MemoryStore): void => {
    const set = markers.set.bind(markers);
    markers.set = (id, marker) => (isIgnored(marker) ? markers : set(id, marker));
  };
}

const mistakes = {
  'makes no mistake': () => {},
  'forgets completed messages': ignoringMarkers(({ state }) => state === 'completed'),
  'forgets published copies': ignoringMarkers((marker) => 'attempt' in marker),
  'forgets blocked keys': ({ blockedKeys }: MemoryStore) => {
    blockedKeys.set = () => blockedKeys;
  },
} satisfies Record<string, (store: MemoryStore) => void>;
type Mistake = keyof typeof mistakes;

const two = { faults: 1, environments: 2, hasZombies: true, switches: 1 };
const refusing = { faults: 0, refusals: 1 };
const zombies = { faults: 1, hasZombies: true, switches: 1, definition: ordered };

type Case = [
  situation: string,
  kinds: readonly Kind[],
  options: Partial<ModelOptions> & { readonly faults: number },
  faulty: readonly [mistake: Mistake, violations: readonly InvariantName[]][],
];
const cases: readonly Case[] = [
  ['one environment and two faults', ['rejected'], { faults: 2 }, []],
  ['several messages', ['fails', 'poison'], { faults: 1 }, [['forgets completed messages', ['appliedTwice']]]],
  ['refused dead letters', ['fails', 'poison', 'rejected'], refusing, [['forgets published copies', ['unexpected']]]],
  ['an ordered queue', ['sound', 'sound'], zombies, [['forgets blocked keys', ['outOfOrder']]]],
  ['two environments', ['fails'], two, [['forgets completed messages', ['appliedTwice']]]],
  [
    'a message that may fail or succeed',
    ['either'],
    { ...two, definition: once },
    [['forgets published copies', ['endedTwice']]],
  ],
  ['leases', ['sound'], { ...two, definition: performing, stepMs: 4_000 }, []],
];

/**
 * Runs the model with every possible sequence of steps and faults. Returns the different results and the number of
 * runs.
 */
async function resultsOf(options: ModelOptions, skipsExplored: boolean) {
  const results = new Set<string>();
  const violated = new Set<string>();
  const runs = await quietly(() =>
    exploreCompletely(async (choose, exploration) => {
      try {
        const audited = await runModel(options, choose, skipsExplored ? exploration : undefined);
        if (audited === undefined) return;
        results.add(JSON.stringify(audited));
        for (const name of Object.keys(violationsOf(audited))) violated.add(name);
      } catch (error) {
        results.add(String(error));
      }
    }),
  );
  return { results: [...results].toSorted(), violated: [...violated].toSorted(), runs };
}

describe('an exploration that skips the states of earlier runs', () => {
  for (const [situation, kinds, options, faulty] of cases)
    for (const [mistake, violations] of [['makes no mistake', []], ...faulty] as const)
      test(`if runs end early in states that earlier runs have reached, the exploration finds the same results as without this shortcut (${situation}, with a store that ${mistake})`, async () => {
        const messages = messagesOf(kinds);
        const order = options.definition === ordered ? [messages.map(({ id }) => id)] : [];
        const scenario = { messages, definition, order, prepare: mistakes[mistake], ...options };
        const all = await resultsOf(scenario, false);
        const some = await resultsOf(scenario, true);
        expect(some.results).toEqual(all.results);
        expect(some.violated).toEqual(violations.length > 0 ? expect.arrayContaining([...violations]) : []);
        expect(some.runs).toBeLessThan(all.runs);
      });
});
