import { expect, test } from '@jest/globals';

import { faults } from '../faults/faults/all.ts';
import { mixed } from '../faults/faults/mixed.ts';
import type { Fault } from '../faults/lab.ts';
import { seeded } from '../faults/random.ts';
import type { Row } from '../faults/report.ts';
import { onceEach, startWith } from '../faults/rounds.ts';
import { runRound } from '../faults/run.ts';

const SEED = 1;
const MESSAGES = 240;

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

test('no message is lost or processed twice while connections break, responses are lost and the broker is killed', async () => {
  const chosen = [mixed('several-at-once', several, several.length, seeded(SEED)), brokerKilledOnce];
  const rows: Row[] = [];
  const evidence: string[] = [];
  const [round] = onceEach('quick', chosen, MESSAGES, startWith('default'));
  await runRound(round!, {
    seed: SEED,
    signal: new AbortController().signal,
    say: () => {},
    results: {
      started: () => {},
      row: (row) => void rows.push(row),
      evidence: (folder) => void evidence.push(folder),
      skipped: (line) => void evidence.push(line),
    },
  });
  expect({ evidence, violations: rows.map(({ violations }) => violations) }).toEqual({
    evidence: [],
    violations: [0, 0],
  });
  for (const { accepted, completed, deadLettered } of rows) {
    expect(accepted).toBeGreaterThan(50);
    expect(completed).toBeGreaterThan(50);
    expect(deadLettered).toBeGreaterThan(0);
  }
}, 180_000);
