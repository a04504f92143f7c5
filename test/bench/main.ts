// The bench itself: `npm run bench -- [section …] [--rounds N] [--json] [--record]`. test/bench/command.ts starts it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { entry, Problem } from '../../infra/dev/runtime/command-line.ts';
import { sections } from './catalogue.ts';
import { compile } from './compile.ts';
import { document } from './document.ts';
import { measure } from './measure.ts';
import { describeMachine, readReference, record } from './reference.ts';
import { resultOf, type SectionResult } from './result.ts';
import { tableOf } from './table.ts';

const complaint = (line: string) => void process.stderr.write(`surehop: ${line}\n`);

await entry(async () => {
  const { values, positionals } = readArguments();
  const chosen = positionals.length === 0 ? sections : sections.filter(({ name }) => positionals.includes(name));
  const unknown = positionals.filter((name) => !sections.some((section) => section.name === name));
  const known = sections.map(({ name }) => name).join(', ');
  if (unknown.length > 0)
    throw new Problem(`unknown section "${unknown[0]}" of the benchmark; the sections are ${known}`, { exitCode: 2 });
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
    throw new Problem(`--rounds is "${values.rounds}": it must be a whole number of at least 1`, { exitCode: 2 });

  const scratch = mkdtempSync(join(tmpdir(), 'surehop-bench-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const machine = describeMachine(process.env.BROKER_VERSION ?? 'RabbitMQ');
  // Progress is printed on standard error, so that it does not mix with the results on standard output.
  const progress = (line: string) => process.stderr.write(`› ${line}\n`);
  progress(machine);
  const reference = readReference();
  const [childFile] = await Promise.all([compile('child'), compile('side'), compile('shard-environment')]);
  const results: SectionResult[] = [];
  const failures: string[] = [];
  for (const section of chosen) {
    const of = rounds ?? section.rounds;
    const missing = await section.missing?.();
    if (missing !== undefined) {
      complaint(`skipped: the section ${section.name}, because ${missing}`);
      continue;
    }
    try {
      const measured = await measure(section, {
        childFile,
        rounds: of,
        scratch,
        onRound: (round) => progress(`${section.name}: ${round === 0 ? 'warm' : `round ${round} of ${of}`}`),
      });
      const result = resultOf(section, measured);
      results.push(result);
      if (!values.json) process.stdout.write(`${tableOf(result, reference)}\n\n`);
    } catch (error) {
      failures.push((error as Error).message);
      complaint((error as Error).message);
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, sections: results }, undefined, 2)}\n`);
  if (values.record) {
    record(results, machine);
    await document(readReference());
  }
  return failures.length > 0 ? 1 : 0;
});

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, record: { type: 'boolean' }, rounds: { type: 'string' } },
    });
  } catch (error) {
    throw new Problem(
      `${(error as Error).message}; usage: npm run bench -- [section …] [--rounds N] [--json] [--record]`,
      {
        exitCode: 2,
      },
    );
  }
}
