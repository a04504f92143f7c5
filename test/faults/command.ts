import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import pMap from 'p-map';

import { onShutdown, say } from '../../infra/dev/runtime/command-line.ts';
import { localDirectory } from '../../infra/dev/runtime/directories.ts';
import { headLine, markdownTable, rowLine, total, type Row } from './report.ts';
import { runRound, type Results, type Round } from './run.ts';

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** A round of faults to inject, or the name of a round that this machine cannot run, with the reason. */
export type Planned = { readonly round: Round } | { readonly name: string; readonly reason: string };

/** The number of rounds of fault injection that run at the same time. */
export const SIDE_BY_SIDE = 2;

/**
 * Runs all rounds of faults and prints the table of results. Returns the exit code, which is 1 if an invariant was
 * violated.
 */
export async function runRounds(command: string, seed: number, planned: readonly Planned[]): Promise<number> {
  const abort = new AbortController();
  const startedAtMs = performance.now();
  const rows: Row[] = [];
  const evidence: string[] = [];
  const notes: string[] = [];
  print(`seed ${seed}`);
  print(headLine());
  let starting: Promise<unknown> = Promise.resolve();
  // Rounds that start at the same time would unpack the same files.
  const startedInTurn = (round: Round): Round => ({
    ...round,
    start(directory, say) {
      const started = starting.then(() => round.start(directory, say));
      starting = started.catch(() => {});
      return started;
    },
  });
  async function run(one: Planned): Promise<void> {
    if ('reason' in one) {
      notes.push(`${one.name}: skipped, ${one.reason}`);
      print(notes.at(-1)!);
      return;
    }
    const results: Results = {
      started(versions) {
        const note = `${one.round.name}: ${versions}`;
        if (!notes.includes(note)) notes.push(note);
      },
      row(row) {
        rows.push(row);
        print(rowLine(row));
        writeTable();
      },
      evidence: (folder) => void evidence.push(folder),
      skipped(line) {
        notes.push(`skipped: ${line}`);
        print(notes.at(-1)!);
      },
    };
    await runRound(startedInTurn(one.round), { seed, signal: abort.signal, say, results });
  }
  const summary = () => `seed ${seed}, ${((performance.now() - startedAtMs) / 60_000).toFixed(1)} minutes`;
  /**
   * Writes the table of results to a file after each fault, so that the file also contains the results of an
   * interrupted run.
   */
  function writeTable(): void {
    const lines = [summary(), ...notes, '', markdownTable([...rows, total(rows)]), ''];
    mkdirSync(join(localDirectory, 'faults'), { recursive: true });
    writeFileSync(join(localDirectory, 'faults', 'last-run.md'), lines.join('\n'));
  }
  function conclude(): number {
    const all = total(rows);
    print(`\n${headLine()}\n${rows.map(rowLine).join('\n')}\n${rowLine(all)}\n`);
    for (const note of notes) print(`  ${note}`);
    print(`  ${summary()}; run it again with npm run ${command} -- --seed ${seed}`);
    for (const folder of evidence) print(`evidence: ${folder}`);
    print(all.violations === 0 ? 'nothing lost, nothing twice' : `${all.violations} VIOLATIONS`);
    return all.violations === 0 ? 0 : 1;
  }
  let stopped: number | undefined;
  onShutdown({
    begin() {
      print(`\nstopped: these are the ${rows.length} faults that had ended; stopping the parts`);
      stopped = conclude() || 130;
      abort.abort();
    },
    force: () => process.exit(130),
  });
  try {
    await pMap(planned, run, { concurrency: SIDE_BY_SIDE });
  } catch (error) {
    if (stopped !== undefined) return stopped;
    if (rows.length > 0) conclude();
    abort.abort();
    throw error;
  }
  return stopped ?? (rows.length === 0 ? evidence.length : conclude());
}
