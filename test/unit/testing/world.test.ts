import { setTimeout } from 'node:timers/promises';

import { describe, expect, test } from '@jest/globals';
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
import type { WorldOptions } from '../../../lib/testing/world-options.ts';

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

/** Runs a simulation with the given choices, and then always with the first alternative. */
async function run(options: Partial<WorldOptions> & Pick<WorldOptions, 'faults'>, choices: readonly number[]) {
  const history = new History();
  const left = [...choices];
  /** After how many lines of the history the simulation made each choice, and how many alternatives there were. */
  const made: { readonly lines: number; readonly ways: number }[] = [];
  const world = await muted(() =>
    runWorld({ definition, messages, history, ...options }, (ways) => {
      made.push({ lines: history.lines.length, ways });
      return left.shift() ?? 0;
    }),
  );
  const lines = () => history.lines.map((line) => line.replace(/^ *(\d+\. )?/, ''));
  const crash = lines().findIndex((line) => line.endsWith('the process crashes'));
  return { ...world, lines, afterCrash: made.filter((choice) => choice.lines > crash).map(({ ways }) => ways) };
}

const [m1] = messages;
const deliveries = (lines: readonly string[]) => lines.filter((line) => line.includes('deliver m'));
const environmentsOf = (lines: readonly string[]) =>
  lines
    .flatMap((line) => /^environment (\d)/.exec(line)?.[1] ?? [])
    .filter((one, index, all) => one !== all[index - 1]);

describe('a process that has crashed', () => {
  test('a process that has crashed makes no further call and runs no further rule, even if its code handles the error', async () => {
    const next = new Set<string>();
    const readTwice: WorldOptions['around'] = async (rule, { context: { read } }) => {
      await read(things, { id: 'any' }).catch(() => {});
      await read(things, { id: 'any' });
      return rule();
    };
    const options = { definition, messages, faults: 1, around: readTwice };
    await muted(() =>
      search(
        async (choose) => {
          const history = new History();
          await runWorld({ ...options, history }, choose);
          const steps = history.lines.flatMap((line) => /^ *\d+\. (.*)/.exec(line)?.[1] ?? []);
          for (const [index, step] of steps.entries())
            if (step === 'the process crashes') next.add(steps[index + 1]!.replace(/ m.*/, ''));
        },
        { deviations: 1, runs: 1_000, seed: 1 },
      ),
    );
    expect([...next]).toEqual(['deliver']);
  });

  test('after a process has crashed, its remaining code cannot read from the store, even after a delay', async () => {
    const readAfterDelay: WorldOptions['around'] = async (rule, { context: { read } }) => {
      try {
        await read(things, { id: 'any' });
      } catch {
        await setTimeout(5);
        await read(things, { id: 'any' });
      }
      return rule();
    };
    // The process crashes before its first read.
    const { lines } = await run({ messages: [m1!], faults: 1, around: readAfterDelay }, [1]);
    await setTimeout(20);
    expect(lines().filter((line) => line.startsWith('read things'))).toEqual([
      expect.stringContaining('the process crashes before this step'),
      expect.not.stringContaining('crashes'),
    ]);
  });

  test('a new process replaces a process that has crashed, and the waiting calls of the old process no longer take part in the simulation', async () => {
    let runs = 0;
    const readTogether: WorldOptions['around'] = async (rule, { context: { read } }) => {
      runs += 1;
      if (runs === 1) {
        await Promise.allSettled([read(things, { id: 'a' }), read(things, { id: 'b' })]);
        await read(things, { id: 'c' });
      }
      return rule();
    };
    const options = { messages: [m1!], faults: 1, environments: 2, switches: 1, around: readTogether };
    // Environment 1 gets m1, and crashes before its first read.
    const { lines, afterCrash } = await run(options, [0, 1]);
    const crash = lines().indexOf('environment 1: the process crashes');
    expect(lines().slice(crash - 1, crash + 2)).toEqual([
      expect.stringMatching(/^environment 1: read things .*: the process crashes before this step$/),
      'environment 1: the process crashes',
      'environment 3: deliver m1 again',
    ]);
    // The only choice is which of the two environments gets the message.
    expect(afterCrash).toEqual([2]);
  });
});

test('a batch that returns to the queue while its process continues is delivered once more, and the process that had the batch is not replaced when it ends', async () => {
  let runs = 0;
  const options: Parameters<typeof run>[0] = {
    messages: [m1!],
    faults: 1,
    switches: 1,
    hasZombies: true,
    around: async (rule, { context: { read }, crash }) => {
      runs += 1;
      if (runs > 1) return rule();
      await read(things, { id: 'any' });
      return crash();
    },
  };
  // Before the first read, the batch returns to the queue.
  const { lines, afterCrash } = await run(options, [1]);
  expect(deliveries(lines())).toEqual(['environment 1: deliver m1', 'environment 2: deliver m1 again']);
  // Only one environment is left. Therefore, nothing has to be chosen.
  expect(afterCrash).toEqual([]);
});

test('after a switch, an execution environment continues to the end of its batch unless the simulation switches again', async () => {
  // Environment 1 gets m1, and then environment 2 gets m2.
  const { lines } = await run({ faults: 0, environments: 2, switches: 3 }, [1, 1]);
  expect(deliveries(lines())).toEqual(['environment 1: deliver m1', 'environment 2: deliver m2']);
  expect(environmentsOf(lines())).toEqual(['1', '2', '1']);
});

test('an execution environment continues with its batch, however far the simulated clock advances while the environment is paused', async () => {
  const slowRule: WorldOptions['around'] = async (rule, { context: { id, read } }) => {
    await read(things, { id: 'any' });
    if (id === 'm2') await setTimeout(20);
    return rule();
  };
  const options = { faults: 0, environments: 2, switches: 4, stepMs: 100_000, around: slowRule };
  // Environment 1 gets m1, environment 2 gets m2, environment 1 reads, and environment 2 continues.
  const { lines } = await run(options, [1, 1, 1, 1]);
  expect(environmentsOf(lines())).toEqual(['1', '2', '1', '2', '1']);
  expect(deliveries(lines())).toEqual(['environment 1: deliver m1', 'environment 2: deliver m2']);
  expect(lines()).toContain('m1 is completed');
});

test('when a simulation ends early, the code of its processes ends too', async () => {
  let [started, ended] = [0, 0];
  const counted: WorldOptions['around'] = async (rule, { context: { read } }) => {
    started += 1;
    try {
      await read(things, { id: 'any' });
    } finally {
      ended += 1;
    }
    return rule();
  };
  await run({ faults: 0, environments: 2, around: counted, isExplored: () => started > 0 }, []);
  expect([started, ended]).toEqual([1, 1]);
});

describe('a batch of an ordered queue that returns to the queue after a crash', () => {
  const ordered = { ...definition, queue: workQueue('things', { ordered: true }), orderBy: () => 'one' };

  test('if the process crashed before it stored the order of the messages in DynamoDB, the queue delivers them together again', async () => {
    // Environment 1 gets both messages, and crashes before its first call.
    const { lines, afterCrash } = await run({ definition: ordered, faults: 1 }, [0, 1]);
    expect(deliveries(lines())).toEqual(['deliver m1, m2', 'deliver m1, m2 again']);
    expect(afterCrash).toEqual([]);
  });

  test('if the process crashed after it stored the order of the messages in DynamoDB, the queue may deliver them in separate batches', async () => {
    // The process crashes after its second call, which stores the order, and then gets only the first message.
    const { lines } = await run({ definition: ordered, faults: 1 }, [0, 0, 3, 1]);
    expect(deliveries(lines())).toEqual(['deliver m1, m2', 'deliver m1 again', 'deliver m2 again']);
  });

  test('if both messages were delivered together and are to be retried, the queue may deliver their retry copies in separate batches', async () => {
    const failing = {
      ...ordered,
      decide: (_, { attempt }) => {
        if (attempt === 1) throw new Error('not this time');
        return { effects: [] };
      },
    } satisfies ConsumerDefinition<any>;
    // The process crashes before its first call. Later both delays end, and then a process gets only the first message.
    const { lines } = await run({ definition: failing, faults: 1 }, [0, 1, 1, 1]);
    expect(deliveries(lines()).slice(0, 3)).toEqual(['deliver m1, m2', 'deliver m1, m2 again', 'deliver m1']);
  });
});
