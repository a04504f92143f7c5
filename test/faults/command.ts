import { setMaxListeners } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import pMap from 'p-map';

import { say } from '../../infra/local/parts/console.ts';
import { localDirectory } from '../../infra/local/parts/directories.ts';
import { onShutdown } from '../../infra/local/parts/shutdown.ts';
import { headLine, markdownTable, rowLine, total, type Row } from './report.ts';
import { runRound, type Round } from './run.ts';

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** A round to run, or one that cannot be run here and why. */
export type Planned = { readonly round: Round } | { readonly name: string; readonly obstacle: string };

/** Rounds at a time: most faults are a matter of waiting, and two systems leave two cores room enough. */
export const SIDE_BY_SIDE = 2;

/** Runs the rounds, shows the table, and gives the exit code: 1 where any invariant was violated. */
export async function runRounds(command: string, seed: number, planned: readonly Planned[]): Promise<number> {
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  onShutdown({ begin: () => abort.abort(), force: () => process.exit(130) });
  const startedAtMs = performance.now();
  const rows: Row[] = [];
  const evidence: string[] = [];
  const notes: string[] = [];
  print(`seed ${seed}`);
  print(headLine());
  let starting: Promise<unknown> = Promise.resolve();
  /** One system after the other: on a fresh machine the first unpacks what the second needs too. */
  const startedInTurn = (round: Round): Round => ({
    ...round,
    start(directory, say) {
      const started = starting.then(() => round.start(directory, say));
      starting = started.catch(() => {});
      return started;
    },
  });
  async function run(one: Planned): Promise<void> {
    if ('obstacle' in one) {
      notes.push(`${one.name}: skipped, ${one.obstacle}`);
      print(notes.at(-1)!);
      return;
    }
    const report = await runRound(startedInTurn(one.round), { seed, signal: abort.signal, say, print });
    rows.push(...report.rows);
    evidence.push(...report.evidence);
    const note = `${one.round.name}: ${report.versions}`;
    if (!notes.includes(note)) notes.push(note);
    notes.push(...report.skipped.map((line) => `skipped: ${line}`));
  }
  try {
    await pMap(planned, run, { concurrency: SIDE_BY_SIDE });
  } catch (error) {
    if (abort.signal.aborted) return 130;
    abort.abort();
    throw error;
  }
  if (rows.length === 0) return evidence.length;
  const all = total(rows);
  const minutes = ((performance.now() - startedAtMs) / 60_000).toFixed(1);
  print(`\n${headLine()}\n${rows.map(rowLine).join('\n')}\n${rowLine(all)}\n`);
  for (const note of notes) print(`  ${note}`);
  print(`  seed ${seed}, ${minutes} minutes; run it again with npm run ${command} -- --seed ${seed}`);
  const summary = [`seed ${seed}, ${minutes} minutes`, ...notes, '', markdownTable([...rows, all]), ''].join('\n');
  mkdirSync(join(localDirectory, 'faults'), { recursive: true });
  writeFileSync(join(localDirectory, 'faults', 'last-run.md'), summary);
  if (all.violations === 0) {
    print('nothing lost, nothing twice');
    return 0;
  }
  for (const folder of evidence) print(`evidence: ${folder}`);
  print(`${all.violations} VIOLATIONS`);
  return 1;
}
