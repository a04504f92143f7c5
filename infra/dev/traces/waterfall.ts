import type { Span } from './span.ts';
import { spanTree } from './span-tree.ts';

const BAR_WIDTH = 40;
const MIN_NAME_WIDTH = 20;
const MAX_NAME_WIDTH = 60;

const SHOWN = [
  'http.response.status_code',
  'surehop.outcome',
  'surehop.attempt',
  'surehop.settlement',
  'error.type',
  'messaging.batch.message_count',
] as const;

/** Formats spans as a table for the terminal: each span below its parent, with a bar that shows when the span ran. */
export function waterfall(spans: readonly Span[]): string {
  const rows = spanTree(spans);
  const startUs = Math.min(...spans.map((span) => span.startUs));
  const totalUs = Math.max(...spans.map(({ endUs }) => endUs)) - startUs;
  const labels = rows.map(({ span, depth }) => `${'  '.repeat(depth)}${span.hasFailed ? '✗ ' : ''}${span.name}`);
  const width = Math.min(Math.max(MIN_NAME_WIDTH, ...labels.map(({ length }) => length)), MAX_NAME_WIDTH);
  return rows
    .map(({ span }, index) =>
      [
        fitted(labels[index]!, width),
        milliseconds(span.startUs - startUs).padStart(9),
        bar(span.startUs - startUs, span.endUs - span.startUs, totalUs),
        milliseconds(span.endUs - span.startUs).padStart(9),
        [span.source, ...detailsOf(span)].join('  '),
      ].join('  '),
    )
    .join('\n');
}

const fitted = (text: string, width: number) =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);

function milliseconds(us: number): string {
  if (us >= 10_000_000) return `${(us / 1_000_000).toFixed(1)} s`;
  return us >= 10_000 ? `${Math.round(us / 1_000)} ms` : `${(us / 1_000).toFixed(1)} ms`;
}

function bar(offsetUs: number, lengthUs: number, totalUs: number): string {
  const perCell = Math.max(totalUs, 1) / BAR_WIDTH;
  const start = Math.min(Math.floor(offsetUs / perCell), BAR_WIDTH - 1);
  const length = Math.min(Math.max(Math.round(lengthUs / perCell), 1), BAR_WIDTH - start);
  return `${'·'.repeat(start)}${'█'.repeat(length)}${'·'.repeat(BAR_WIDTH - start - length)}`;
}

const detailsOf = ({ attributes, failure }: Span): string[] => [
  ...SHOWN.flatMap((name) => {
    const value = attributes[name];
    return value === undefined ? [] : [`${name.slice(name.lastIndexOf('.') + 1)}=${String(value)}`];
  }),
  ...(failure === undefined ? [] : [`(${failure})`]),
];
