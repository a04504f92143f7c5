import { existsSync, readFileSync } from 'node:fs';

import { startTraceReceiver } from '../../infra/dev/traces/receiver.ts';
import type { Span } from '../../infra/dev/traces/span.ts';
import { createTraceStore } from '../../infra/dev/traces/trace-store.ts';

export interface SpanResults {
  readonly collected: number;
  /** The number of spans that are missing because their process was killed before it could export them. */
  readonly lostByKills: number;
  /** The missing spans of processes that were not killed. Such a process should have exported all its spans. */
  readonly lost: readonly string[];
  /** The exported spans whose parent is missing, although the process of the parent was not killed. */
  readonly orphans: readonly string[];
}

export interface SpanCollector {
  /** The base URL of the span receiver. The receiver also answers requests for traces. */
  readonly url: string;
  results(): SpanResults;
  stop(): Promise<void>;
}

/**
 * Starts a receiver that keeps the latest traces and the ids of all spans. To find lost spans, the receiver reads
 * `startsFile`. For each started span, a consumer appends the ids of the span and of the process to this file.
 */
export async function startSpanCollector(startsFile: string): Promise<SpanCollector> {
  const spans = new Map<string, Pick<Span, 'name' | 'source' | 'parentSpanId'>>();
  const traces = createTraceStore();
  const receiver = await startTraceReceiver({
    ...traces,
    add: (added) => {
      traces.add(added);
      for (const { spanId, name, source, parentSpanId } of added) spans.set(spanId, { name, source, parentSpanId });
    },
  });
  return {
    ...receiver,
    results() {
      const started = readStarts(startsFile);
      const wasKilled = (spanId: string) => started.has(spanId) && !isRunning(started.get(spanId)!);
      const missing = [...started.keys()].filter((spanId) => !spans.has(spanId));
      return {
        collected: spans.size,
        lostByKills: missing.filter(wasKilled).length,
        lost: missing.filter((spanId) => !wasKilled(spanId)),
        orphans: [...spans.values()].flatMap(({ name, source, parentSpanId }) =>
          parentSpanId === undefined || spans.has(parentSpanId) || wasKilled(parentSpanId)
            ? []
            : [`${name} of ${source}: its parent ${parentSpanId} is unknown`],
        ),
      };
    },
  };
}

function readStarts(file: string): Map<string, number> {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  return new Map(lines.map((line) => line.split(' ')).map(([spanId, pid]) => [spanId!, Number(pid)]));
}

/**
 * Whether the process of a consumer is still running. A consumer's process never exits by itself, but only when it is
 * killed.
 */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
