import { expect, test } from '@jest/globals';

import { faults } from '../faults/faults/all.ts';
import { mixed } from '../faults/faults/mixed.ts';
import type { Fault } from '../faults/lab.ts';
import { seeded } from '../faults/random.ts';
import type { Row } from '../faults/report.ts';
import { killOnce } from '../faults/faults/functions.ts';
import { onceEach } from '../faults/rounds.ts';
import { runRound, type Round } from '../faults/run.ts';
import type { SpanResults } from '../faults/spans.ts';
import { startSystem } from '../faults/system.ts';
import { eventually } from '../support/eventually.ts';

const SEED = 1;
const MESSAGES = 360;
const CLIENTS = 3;

const several = faults.filter(({ name }) =>
  ['reset-before-confirm', 'batches-redelivered', 'answers-lost'].includes(name),
);

const brokerKilledOnce: Fault = {
  name: 'broker-killed-once',
  where: 'broker',
  says: 'the broker is killed with SIGKILL and restarted with the same data',
  spanMs: 3_000,
  async inject({ system }) {
    await system.broker.kill();
    await system.broker.restart();
  },
};

const KILL_TRIES = 3;

/**
 * The processing steps after which the test kills a consumer. At these steps, the consumer has published messages but
 * has not exported their spans.
 */
const places = [
  { queue: 'stock', step: 'emit', side: 'after' },
  { queue: 'points', step: 'place', side: 'after' },
] as const;

const consumersKilled: Fault = {
  name: 'consumers-killed',
  where: 'function',
  says: 'the processes of two consumers are killed with SIGKILL after they have published messages',
  spanMs: 3_000,
  recoverWithinMs: 60_000,
  async inject(lab) {
    for (const place of places) {
      let wasKilled = false;
      for (let tries = 0; tries < KILL_TRIES && !wasKilled; tries += 1) {
        const orders = await lab.plan(4, { soldout: 50, fails1: 50 });
        const kill = killOnce(lab, place);
        await lab.place(orders);
        wasKilled = await kill;
      }
      if (!wasKilled) lab.violated(`no batch of the queue ${place.queue} reached the step ${place.step}`);
    }
  },
};

test('no message is lost or processed twice while connections break and processes are killed, and only killed processes lose spans', async () => {
  const chosen = [mixed('several-at-once', several, several.length, seeded(SEED)), brokerKilledOnce, consumersKilled];
  const rows: Row[] = [];
  const evidence: string[] = [];
  let spans: SpanResults | undefined;
  const [round] = onceEach('quick', chosen, MESSAGES, (directory, say) =>
    startSystem({ directory, say, hasTraces: true }),
  );
  const atEnd: Round['atEnd'] = (system) =>
    eventually('the spans of all processes that were not killed', () => {
      spans = system.spans!.results();
      return spans.lost.length === 0 && spans.orphans.length === 0;
    }).then(
      () => {},
      () => {},
    );
  await runRound(
    { ...round!, clients: CLIENTS, atEnd },
    {
      seed: SEED,
      signal: new AbortController().signal,
      say: () => {},
      results: {
        started: () => {},
        row: (row) => void rows.push(row),
        evidence: (folder) => void evidence.push(folder),
        skipped: (line) => void evidence.push(line),
      },
    },
  );
  expect({ evidence, violations: rows.map(({ violations }) => violations) }).toEqual({
    evidence: [],
    violations: [0, 0, 0],
  });
  for (const { accepted, completed, deadLettered } of rows) {
    expect(accepted).toBeGreaterThan(50);
    expect(completed).toBeGreaterThan(50);
    expect(deadLettered).toBeGreaterThan(0);
  }
  // A killed process loses the spans that it has not exported. Their children in other processes then have no parent.
  expect(spans).toMatchObject({ lost: [], orphans: [] });
  expect(spans!.lostByKills).toBeGreaterThan(0);
  expect(spans!.collected).toBeGreaterThan(1_000);
}, 900_000);
