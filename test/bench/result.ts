import type { Figure, Section } from './catalogue.ts';
import type { Measured } from './protocol.ts';
import { spreadOf, type Spread } from './statistics.ts';

export interface FigureResult {
  readonly figure: Figure;
  readonly spread?: Spread;
  readonly text?: string;
  /** Whether the median of the measured values meets the target; `undefined` if there is no target. */
  readonly isMet?: boolean;
}

export interface SectionResult {
  readonly section: Section;
  readonly rounds: number;
  readonly figures: readonly FigureResult[];
}

export const resultOf = (section: Section, rounds: readonly Measured[]): SectionResult => ({
  section,
  rounds: rounds.length,
  figures: section.figures.map((figure) => {
    const values = rounds.flatMap((round) => round[figure.key] ?? []);
    const numbers = values.filter((value) => typeof value === 'number');
    if (numbers.length === 0) return { figure, text: [...new Set(values)].join(', ') };
    const spread = spreadOf(numbers);
    const { atLeast, atMost } = figure;
    if (atLeast === undefined && atMost === undefined) return { figure, spread };
    return { figure, spread, isMet: spread.median >= (atLeast ?? -Infinity) && spread.median <= (atMost ?? Infinity) };
  }),
});
