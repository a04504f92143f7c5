import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Say } from '../../infra/dev/runtime/command-line.ts';
import { localClient } from '../../infra/dev/runtime/store/tables.ts';
import { audit } from './audit.ts';
import { keepEvidence } from './evidence.ts';
import { violationsOf } from '../model/invariants.ts';
import type { Fault } from './lab.ts';
import { emptyLedger, type Ledger } from './ledger.ts';
import { observe } from './observe.ts';
import { seeded } from './random.ts';
import { rowOf, type Row } from './report.ts';
import { runFault, type Outcome } from './run-fault.ts';
import type { System } from './system.ts';

const DRAINED_WITHIN_MS = 30_000;
const LEAST_MESSAGES = 10;
const CLIENTS = 24;

/** A sequence of faults that are injected one after another into the same running test system. */
export interface Round {
  readonly name: string;
  /**
   * The number of test clients; the default is 24. Each client places up to two orders at the same time, and each order
   * being placed needs its own Lambda execution environment.
   */
  readonly clients?: number;
  /** Starts the test system, which stores its data below `directory`. */
  start(directory: string, say: Say): Promise<System>;
  /**
   * Returns the next fault and the number of messages to send during this fault, or `undefined` after the last fault.
   */
  next(sentSoFar: number): { readonly fault: Fault; readonly messages: number } | undefined;
  /** Runs after the last fault, before the test system stops. `signal` is aborted if the run is stopped early. */
  atEnd?(system: System, signal: AbortSignal): Promise<void>;
  progress?(sentSoFar: number): string;
}

export interface Results {
  started(versions: string): void;
  row(row: Row): void;
  evidence(folder: string): void;
  skipped(line: string): void;
}

export async function runRound(
  round: Round,
  { seed, signal, say, results }: { seed: number; signal: AbortSignal; say: Say; results: Results },
): Promise<void> {
  // Many requests of a round listen to this signal, and Node.js would otherwise warn about a possible memory leak.
  setMaxListeners(0, signal);
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
    const { clients = CLIENTS } = round;
    for (let next = round.next(0); next; next = round.next(sent())) {
      signal.throwIfAborted();
      const { fault, messages } = next;
      const reason = fault.cannot?.(system);
      if (reason !== undefined) {
        results.skipped(`${fault.name}: ${reason}`);
        continue;
      }
      say(`injecting the fault ${fault.name}: ${fault.says}`);
      const around = {
        system,
        store,
        ledger,
        random,
        messages: Math.max(messages, LEAST_MESSAGES),
        clients,
        signal,
        say,
      };
      record(await runFault(fault, around));
      if (round.progress) say(round.progress(sent()));
    }
    const last = await checkAgain(round, system, ledger, signal, () => observe(store));
    if (Object.keys(last.violations).length > 0) record(last);
    await round.atEnd?.(system, signal);
  } finally {
    store.destroy();
    await system.stop();
    removeDirectory();
    process.off('exit', removeDirectory);
  }
}

/**
 * Checks the messages of the whole run again at its end. A bug may apply the effects of a message a second time after
 * the message has passed the check at the end of its fault.
 */
async function checkAgain(
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
