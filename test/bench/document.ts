import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { format, resolveConfig } from 'prettier';

import { sections, type Figure } from './catalogue.ts';
import type { Reference } from './reference.ts';
import { formatNumber, unitOf, wanted } from './table.ts';

const FILE = resolve(import.meta.dirname, '..', '..', 'docs', 'performance.md');
const MARK = '<!-- figures -->';

/** Writes the recorded results of the benchmark into docs/performance.md, as tables. */
export async function document(reference: Reference): Promise<void> {
  const [before, , after] = readFileSync(FILE, 'utf8').split(MARK);
  if (before === undefined || after === undefined)
    throw new Error(`${FILE} must contain ${MARK} twice: before and after the generated tables`);
  const text = `${before}${MARK}\n\n${tablesOf(reference)}\n\n${MARK}${after}`;
  writeFileSync(FILE, await format(text, { ...(await resolveConfig(FILE)), parser: 'markdown' }));
}

function tablesOf({ sections: recorded }: Reference): string {
  const machine = Object.values(recorded)[0]?.machine;
  const tables = sections.flatMap(({ name, title, figures }) => {
    const known = recorded[name];
    if (!known) return [];
    const rows = figures.map((figure) => rowOf(figure, known.figures[figure.key]));
    const head = '| | median | min – max | target |\n| --- | --- | --- | --- |';
    const where = known.machine === machine ? '' : `\n\n_This section was measured with ${known.machine}._`;
    return [`**${name}**: ${title}\n\n${head}\n${rows.join('\n')}${where}`];
  });
  return [`_The figures in the following tables were measured with ${machine}._`, ...tables].join('\n\n');
}

function rowOf(figure: Figure, value: Reference['sections'][string]['figures'][string] | undefined): string {
  if (value === undefined) return `| ${figure.label} | | | ${wanted(figure)} |`;
  if (typeof value === 'string') return `| ${figure.label} | ${value} | | |`;
  const { median, minimum, maximum } = value;
  const isMet = median >= (figure.atLeast ?? -Infinity) && median <= (figure.atMost ?? Infinity);
  const shown = `${formatNumber(median)}${unitOf(figure)}`;
  const spread = `${formatNumber(minimum)} – ${formatNumber(maximum)}`;
  return `| ${figure.label} | ${shown} | ${spread} | ${wanted(figure)}${isMet ? '' : ', **missed**'} |`;
}
