import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

import { canPin } from './processors.ts';
import type { SectionResult } from './result.ts';
import type { Spread } from './statistics.ts';

const FILE = join(import.meta.dirname, 'reference.json');

/** The recorded results of an earlier run of the benchmark, with which later runs are compared. */
export interface Reference {
  readonly sections: Readonly<
    Record<string, { readonly machine: string; readonly figures: Readonly<Record<string, Spread | string>> }>
  >;
}

export const readReference = (): Reference =>
  existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Reference) : { sections: {} };

/** Describes the machine, the version of Node and the version of the broker that the benchmark uses. */
export const describeMachine = (broker: string): string =>
  [
    `Node ${process.versions.node}`,
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    broker,
    canPin ? 'one CPU per measured process' : 'CPUs shared by all processes',
  ].join(', ');

/**
 * Writes the results of the given sections to the file reference.json. The results of all other sections in the file
 * are kept.
 */
export function record(results: readonly SectionResult[], machine: string): void {
  const sections = { ...readReference().sections };
  for (const { section, figures } of results)
    sections[section.name] = {
      machine,
      figures: Object.fromEntries(
        figures.map(({ figure, spread, text }) => [figure.key, spread ? rounded(spread) : (text ?? '')]),
      ),
    };
  writeFileSync(FILE, `${JSON.stringify({ sections }, undefined, 2)}\n`);
}

const rounded = (spread: Spread): Spread => ({
  median: Number(spread.median.toPrecision(4)),
  minimum: Number(spread.minimum.toPrecision(4)),
  maximum: Number(spread.maximum.toPrecision(4)),
});
