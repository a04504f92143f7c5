import { parseArgs } from 'node:util';

import { headLine, rowLine, total, type Row } from '../../test/faults/report.ts';
import { onePerFault } from '../../test/faults/rounds.ts';
import { runRound } from '../../test/faults/run.ts';
import { say } from './parts/console.ts';
import { entry } from './parts/entry.ts';
import { onShutdown } from './parts/shutdown.ts';

await entry(async () => {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, only: { type: 'string', multiple: true }, messages: { type: 'string' } },
  });
  const seed = Number(values.seed ?? 1);
  const abort = new AbortController();
  onShutdown({ begin: () => abort.abort(), force: () => process.exit(130) });
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const report = await runRound(
    onePerFault({ seed, only: values.only ?? [], messages: Number(values.messages ?? 10_000) }),
    {
      seed,
      signal: abort.signal,
      say,
      print,
    },
  );
  print(headLine());
  const rows: Row[] = [...report.rows];
  for (const row of rows) print(rowLine(row));
  print(rowLine(total(rows)));
  for (const folder of report.evidence) print(`evidence: ${folder}`);
  return report.evidence.length > 0 ? 1 : 0;
});
