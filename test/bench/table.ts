import type { Figure } from './catalogue.ts';
import type { Reference } from './reference.ts';
import type { FigureResult, SectionResult } from './result.ts';

export const formatNumber = (value: number): string => {
  if (value === 0) return '0';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 3;
  return value.toFixed(digits);
};

export const unitOf = ({ unit }: Figure) => (unit === '' || unit === '×' ? unit : ` ${unit}`);

export function wanted({ atLeast, atMost }: Figure): string {
  if (atLeast !== undefined) return `at least ${atLeast}`;
  return atMost === undefined ? '' : `at most ${atMost}`;
}

const verdict = ({ isMet }: FigureResult) => (isMet === undefined ? '' : isMet ? 'met' : 'MISSED');

/**
 * Formats the results of a section as a table with one row per figure. The last column shows the median of an earlier
 * benchmark.
 */
export function tableOf({ section, rounds, figures }: SectionResult, reference: Reference): string {
  const known = reference.sections[section.name]?.figures ?? {};
  const rows = figures.map((result) => {
    const { figure, spread, text } = result;
    const before = known[figure.key];
    return [
      figure.label,
      spread ? `${formatNumber(spread.median)}${unitOf(figure)}` : (text ?? ''),
      spread ? `${formatNumber(spread.minimum)} – ${formatNumber(spread.maximum)}` : '',
      wanted(figure),
      verdict(result),
      before === undefined || typeof before === 'string' ? '' : formatNumber(before.median),
    ];
  });
  const head = ['', 'median', 'min – max', 'wanted', '', 'recorded'];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}`;
  return [
    `${section.name}: ${section.title} (${rounds} rounds)`,
    ...[head, ...rows].map((row) => line(row).trimEnd()),
  ].join('\n');
}
