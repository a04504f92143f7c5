import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Say } from '../../infra/dev/runtime/command-line.ts';
import { localClient } from '../../infra/dev/runtime/store/tables.ts';
import { audit } from './audit.ts';
import { keepEvidence } from './evidence.ts';
import { violationsOf } from './invariants.ts';
import type { Fault } from './lab.ts';
import { emptyLedger, type Ledger } from './ledger.ts';
import { observe } from './observe.ts';
import { seeded } from './random.ts';
import { rowOf, type Row } from './report.ts';
import { runFault, type Outcome } from './run-fault.ts';
import type { System } from './system.ts';

const DRAINED_WITHIN_MS = 30_000;
const LEAST_MESSAGES = 10;

/** A sequence of faults on one system. */
export interface Round {
  readonly name: string;
  /** Starts the system with its data below `directory`. */
  start(directory: string, say: Say): Promise<System>;
  /** The next fault and its number of messages; undefined after the last one. */
  next(sentSoFar: number): { readonly fault: Fault; readonly messages: number } | undefined;
  /** Describes the progress of the round and its expected end. */
  progress?(sentSoFar: number): string;
}

/** Receives each result of a round as soon as it is available. */
export interface Results {
  /** Reports the broker and the store with their versions. */
  started(versions: string): void;
  row(row: Row): void;
  /** Reports the folder with the evidence of a violation. */
  evidence(folder: string): void;
  /** Reports a fault that did not run, with the reason. */
  skipped(line: string): void;
}

/** Runs a round: reports a row for each fault, and checks all messages again at the end. */
export async function runRound(
  round: Round,
  { seed, signal, say, results }: { seed: number; signal: AbortSignal; say: Say; results: Results },
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'surehop-faults-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', removeDirectory);
  const ledger = emptyLedger();
  const system = await round.start(directory, say);
  const store = localClient(system.store.endpoint);
  const versions = `${system.broker.describe}, ${system.store.describe}, Node ${process.versions.node}`;
  const sent = () => ledger.orders.length + ledger.messages.length;
  const record = (outcome: Outcome) => {
    results.row(rowOf(outcome));
    if (Object.keys(outcome.violations).length > 0)
      results.evidence(keepEvidence(outcome, { system, ledger, directory, seed, versions }));
  };
  try {
    results.started(versions);
    const random = seeded(seed);
    for (let next = round.next(0); next; next = round.next(sent())) {
      signal.throwIfAborted();
      const { fault, messages } = next;
      const obstacle = fault.cannot?.(system);
      if (obstacle !== undefined) {
        results.skipped(`${fault.name}: ${obstacle}`);
        continue;
      }
      say(`${fault.name}: ${fault.says}`);
      const around = { system, store, ledger, random, messages: Math.max(messages, LEAST_MESSAGES), signal, say };
      record(await runFault(fault, around));
      if (round.progress) say(round.progress(sent()));
    }
    const last = await lookAgain(round, system, ledger, signal, () => observe(store));
    if (Object.keys(last.violations).length > 0) record(last);
  } finally {
    store.destroy();
    await system.stop();
    removeDirectory();
    process.off('exit', removeDirectory);
  }
}

/** Checks the messages of all faults again, to find late effects of earlier faults. */
async function lookAgain(
  { name }: Round,
  system: System,
  ledger: Ledger,
  signal: AbortSignal,
  readResults: () => ReturnType<typeof observe>,
): Promise<Outcome> {
  const end = performance.now() + DRAINED_WITHIN_MS;
  let waiting = await system.management.messages();
  while (waiting > 0 && performance.now() < end && !signal.aborted) {
    await sleep(500);
    waiting = await system.management.messages();
  }
  const audited = audit(ledger, await readResults(), { waiting });
  const fault: Fault = { name: `${name}, at the end`, where: 'mixed', says: '', spanMs: 0, inject: async () => {} };
  return { fault, audited, violations: violationsOf(audited), tookMs: 0, duplicates: 0 };
}
