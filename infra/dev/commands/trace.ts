import { Problem, reasonOf } from '../runtime/command-line.ts';
import { findRunning } from '../runtime/running.ts';
import type { Span } from '../traces/span.ts';
import type { TraceSummary } from '../traces/trace-store.ts';
import { waterfall } from '../traces/waterfall.ts';
import { counted, defineCommand, print, UsageError } from './command.ts';

const NO_RECEIVER =
  'npm start exports its spans to OTEL_EXPORTER_OTLP_ENDPOINT: look at the trace there, or unset the variable and restart npm start';

export const command = defineCommand({
  usage: ['[ID]'],
  details: [
    'ID is a trace id, a message id, or an id in the log of a function, such as an order id.',
    'The list of the latest traces does not contain successful GET requests.',
  ],
  needs: 'project',
  async run({ words: [id, ...more] }) {
    if (more.length > 0) throw new UsageError('surehop trace takes at most one id');
    const { tracesUrl } = findRunning();
    if (tracesUrl === undefined) throw new Problem(NO_RECEIVER);
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
  },
});

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch((error: unknown) => {
    throw new Problem(`npm start does not answer (${reasonOf(error)}): is it still running?`);
  });
  return (await response.json()) as T;
}

function lineOf({ traceId, name, startUs, durationUs, spans, hasFailed }: TraceSummary): string {
  return `${new Date(startUs / 1_000).toISOString()}  ${traceId}  ${name}${hasFailed ? ' ✗' : ''}  ${Math.round(durationUs / 1_000)} ms  ${counted(spans, 'span')}`;
}
