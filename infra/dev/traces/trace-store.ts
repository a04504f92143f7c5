import type { Span } from './span.ts';

/**
 * The maximum number of traces in memory. The oldest trace of a successful GET request is dropped first, because an open
 * console sends such requests every few seconds.
 */
const MAX_TRACES = 5_000;

/** The maximum number of spans in memory per trace. Further spans of the trace are dropped. */
const MAX_SPANS_PER_TRACE = 1_000;

/** The maximum number of traces in the result of a query, including the traces that are connected by span links. */
const MAX_LINKED_TRACES = 50;

/** Keeps the spans of the latest traces in memory, and finds traces by the ids in the attributes of their spans. */
export interface TraceStore {
  add(spans: readonly Span[]): void;
  /**
   * Finds traces by a trace id, or by the value of a span attribute, such as a message id. Returns the spans of these
   * traces, and of the traces that are connected with them by span links, oldest span first.
   */
  find(id: string): Span[];
  /** Returns the most recent traces, latest first, without those of successful GET requests. */
  latest(count: number): TraceSummary[];
}

export interface TraceSummary {
  readonly traceId: string;
  /** The name of the first span of the trace. */
  readonly name: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly spans: number;
  readonly hasFailed: boolean;
}

export function createTraceStore(): TraceStore {
  /** The spans of each trace, in the order in which the traces began. The first entry is therefore the oldest trace. */
  const traces = new Map<string, Span[]>();

  const spansOf = (traceId: string) => traces.get(traceId) ?? [];

  function withLinked(found: Set<string>): Set<string> {
    for (const traceId of found) {
      for (const other of linkedTo(traceId)) if (found.size < MAX_LINKED_TRACES) found.add(other);
    }
    return found;
  }

  function linkedTo(traceId: string): string[] {
    const targets = spansOf(traceId).flatMap(({ links }) => links.map((link) => link.traceId));
    const sources = [...traces].flatMap(([other, spans]) =>
      spans.some(({ links }) => links.some((link) => link.traceId === traceId)) ? [other] : [],
    );
    return [...targets.filter((target) => traces.has(target)), ...sources];
  }

  function dropSurplus(): void {
    const surplus = traces.size - MAX_TRACES;
    if (surplus <= 0) return;
    const oldest = [...traces.keys()];
    const gets = oldest.filter((traceId) => isSuccessfulGet(spansOf(traceId)));
    for (const traceId of [...new Set([...gets, ...oldest])].slice(0, surplus)) traces.delete(traceId);
  }

  return {
    add(spans) {
      for (const span of spans) {
        const known = traces.get(span.traceId);
        if (!known) traces.set(span.traceId, [span]);
        else if (known.length < MAX_SPANS_PER_TRACE) known.push(span);
      }
      dropSurplus();
    },
    find(id) {
      const hasId = ({ attributes }: Span) => Object.values(attributes).includes(id);
      const found = traces.has(id)
        ? [id]
        : [...traces].filter(([, spans]) => spans.some(hasId)).map(([traceId]) => traceId);
      return [...withLinked(new Set(found))].flatMap(spansOf).toSorted((a, b) => a.startUs - b.startUs);
    },
    latest(count) {
      return [...traces]
        .filter(([, spans]) => !isSuccessfulGet(spans))
        .slice(-count)
        .toReversed()
        .map(([traceId, spans]) => summaryOf(traceId, spans));
    },
  };
}

const isSuccessfulGet = (spans: readonly Span[]) =>
  spans.some(({ kind, name }) => kind === 'server' && name.startsWith('GET ')) &&
  spans.every(({ hasFailed }) => !hasFailed);

function summaryOf(traceId: string, spans: readonly Span[]): TraceSummary {
  const first = spans.reduce((earliest, span) => (span.startUs < earliest.startUs ? span : earliest));
  return {
    traceId,
    name: first.name,
    startUs: first.startUs,
    durationUs: Math.max(...spans.map(({ endUs }) => endUs)) - first.startUs,
    spans: spans.length,
    hasFailed: spans.some(({ hasFailed }) => hasFailed),
  };
}
