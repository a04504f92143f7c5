import { parseArgs } from 'node:util';

import { entry, Problem, reasonOf } from '../runtime/command-line.ts';
import { findRunning } from '../runtime/running.ts';
import type { Span } from '../traces/span.ts';
import type { TraceSummary } from '../traces/trace-store.ts';
import { waterfall } from '../traces/waterfall.ts';

const USAGE = `npm run trace -- [ID]
  prints the spans that belong to an order id, message id or trace id; without an id, lists the latest traces`;

const NO_RECEIVER =
  'npm start exports its spans to OTEL_EXPORTER_OTLP_ENDPOINT: look at the trace there, or unset the variable and restart npm start';

await entry(async () => {
  const { positionals } = read(process.argv.slice(2));
  const { tracesUrl } = findRunning();
  if (tracesUrl === undefined) throw new Problem(NO_RECEIVER);
  const [id] = positionals;
  if (id === undefined) {
    const { traces } = await get<{ traces: TraceSummary[] }>(`${tracesUrl}/traces`);
    print(traces.length === 0 ? 'no traces yet' : traces.map(lineOf).join('\n'));
    return 0;
  }
  const { spans } = await get<{ spans: Span[] }>(`${tracesUrl}/traces/${encodeURIComponent(id)}`);
  if (spans.length === 0)
    throw new Problem(
      `no span has the id ${id}: npm start keeps only the traces of the latest 5,000 requests and batches, and only in memory`,
    );
  print(waterfall(spans));
  return 0;
});

function read(args: readonly string[]) {
  try {
    const parsed = parseArgs({ args: [...args], allowPositionals: true });
    if (parsed.positionals.length > 1) throw new Error('npm run trace takes at most one id');
    return parsed;
  } catch (error) {
    throw new Problem(`${(error as Error).message}\n${USAGE}`, { exitCode: 2 });
  }
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch((error: unknown) => {
    throw new Problem(`npm start does not answer (${reasonOf(error)}): is it still running?`);
  });
  return (await response.json()) as T;
}

function lineOf({ traceId, name, startUs, durationUs, spans, hasFailed }: TraceSummary): string {
  return `${new Date(startUs / 1_000).toISOString()}  ${traceId}  ${name}${hasFailed ? ' ✗' : ''}  ${Math.round(durationUs / 1_000)} ms  ${spans} spans`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
