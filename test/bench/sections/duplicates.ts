import { compare } from '../comparison.ts';
import type { Bench, Measured } from '../protocol.ts';

/**
 * Compares how fast Surehop and Powertools process two kinds of batches: those in which all messages are already
 * completed, and those in which every tenth message is.
 */
export const duplicates = async (bench: Bench): Promise<Measured> => ({
  all: (await compare(bench, { skus: 10, duplicates: 1 })).ratio,
  some: (await compare(bench, { skus: 10, duplicates: 0.1 })).ratio,
  cached: (await compare(bench, { skus: 10, duplicates: 1, isCached: true })).ratio,
  forgotten: (await compare(bench, { skus: 10, duplicates: 1, isForgotten: true })).ratio,
  someForgotten: (await compare(bench, { skus: 10, duplicates: 0.1, isForgotten: true })).ratio,
  unmarked: (await compare(bench, { skus: 10, duplicates: 0.1, isForgotten: true, isMarked: false })).ratio,
});
