import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Say } from '../../infra/local/parts/console.ts';
import { localClient } from '../../infra/local/parts/tables.ts';
import { audit } from './audit.ts';
import { keepEvidence } from './evidence.ts';
import { violationsOf } from './invariants.ts';
import type { Fault } from './lab.ts';
import { emptyLedger, type Ledger } from './ledger.ts';
import { observe } from './observe.ts';
import { seeded } from './random.ts';
import { rowLine, rowOf, type Row } from './report.ts';
import { runFault, type Outcome } from './run-fault.ts';
import type { System } from './system.ts';

const DRAINED_WITHIN_MS = 30_000;
const LEAST_MESSAGES = 10;

/** Faults that go wrong one after another, all on the same system. */
export interface Round {
  readonly name: string;
  /** Starts the system, its data below `directory`. */
  start(directory: string, say: Say): Promise<System>;
  /** The next fault, and the messages that it gets; undefined where there are no more. */
  next(sentSoFar: number): { readonly fault: Fault; readonly messages: number } | undefined;
}

export interface Report {
  readonly rows: readonly Row[];
  /** Where what speaks against an invariant was kept. */
  readonly evidence: readonly string[];
  /** What did not run, and why. */
  readonly skipped: readonly string[];
  /** The broker and the store, with their versions. */
  readonly versions: string;
}

/** Runs a round: a row for each fault, and all books once more at its end. */
export async function runRound(
  round: Round,
  { seed, signal, say, print }: { seed: number; signal: AbortSignal; say: Say; print: Say },
): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), 'surehop-faults-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', removeDirectory);
  const ledger = emptyLedger();
  const rows: Row[] = [];
  const evidence: string[] = [];
  const skipped: string[] = [];
  const system = await round.start(directory, say);
  const store = localClient(system.store.endpoint);
  const versions = `${system.broker.describe}, ${system.store.describe}, Node ${process.versions.node}`;
  try {
    const random = seeded(seed);
    for (let next = round.next(0); next; next = round.next(ledger.orders.length + ledger.messages.length)) {
      signal.throwIfAborted();
      const { fault, messages } = next;
      const obstacle = fault.cannot?.(system);
      if (obstacle !== undefined) {
        skipped.push(`${fault.name}: ${obstacle}`);
        print(`${fault.name} skipped: ${obstacle}`);
        continue;
      }
      say(`${fault.name}: ${fault.says}`);
      const around = { system, store, ledger, random, messages: Math.max(messages, LEAST_MESSAGES), signal, say };
      const outcome = await runFault(fault, around);
      rows.push(rowOf(outcome));
      print(rowLine(rows.at(-1)!));
      if (Object.keys(outcome.violations).length > 0)
        evidence.push(keepEvidence(outcome, { system, ledger, directory, seed, versions }));
    }
    const last = await lookAgain(round, system, ledger, signal, () => observe(store));
    if (Object.keys(last.violations).length > 0) {
      rows.push(rowOf(last));
      print(rowLine(rows.at(-1)!));
      evidence.push(keepEvidence(last, { system, ledger, directory, seed, versions }));
    }
    return { rows, evidence, skipped, versions };
  } finally {
    store.destroy();
    await system.stop();
    removeDirectory();
    process.off('exit', removeDirectory);
  }
}

/** All books once more: what came late under an earlier fault shows here. */
async function lookAgain(
  { name }: Round,
  system: System,
  ledger: Ledger,
  signal: AbortSignal,
  look: () => ReturnType<typeof observe>,
): Promise<Outcome> {
  const end = performance.now() + DRAINED_WITHIN_MS;
  let waiting = await system.management.messages();
  while (waiting > 0 && performance.now() < end && !signal.aborted) {
    await sleep(500);
    waiting = await system.management.messages();
  }
  const books = audit(ledger, await look(), { waiting });
  const fault: Fault = { name: `${name}, at the end`, where: 'mixed', says: '', spanMs: 0, inject: async () => {} };
  return { fault, books, violations: violationsOf(books), tookMs: 0, duplicates: 0 };
}
