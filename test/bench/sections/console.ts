import { run } from '../../../infra/dev/runtime/run-command.mjs';
import type { Bench, Measured } from '../protocol.ts';

const LIMIT_MS = 1_500_000;

let measured: readonly Measured[] = [];

/**
 * Measures the operators' console in a separate process, because Playwright and the development environment cannot be
 * bundled into the benchmark's script.
 */
export async function consolePage({ round, rounds }: Bench): Promise<Measured> {
  if (round > 0) return measured[round - 1]!;
  // It takes minutes to create the dead letters, so one process measures all rounds with the same dead letters.
  const script = ['--import', 'tsx', 'test/browser/console-speed.ts', String(rounds)];
  const output = await run(process.execPath, script, { timeoutMs: LIMIT_MS });
  measured = JSON.parse(output.split('\n').at(-1)!) as Measured[];
  return {};
}
