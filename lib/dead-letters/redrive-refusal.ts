import type { DeadLetter } from './dead-letter.ts';

export type Obstacle = 'already-discarded' | 'already-redriven' | 'unwritable' | 'too-old' | 'no-origin';

/** What speaks against sending a dead letter back, if anything. `force` overrides what is only a danger. */
export function obstacleTo(
  { status, queue, unwritable, publishedAt, deadLetteredAt }: DeadLetter,
  { force, rememberedSinceMs }: { force: boolean; rememberedSinceMs: number },
): Obstacle | undefined {
  if (status === 'discarded') return 'already-discarded';
  if (queue === undefined) return 'no-origin';
  if (force) return undefined;
  if (status === 'redriven') return 'already-redriven';
  if (unwritable !== undefined) return 'unwritable';
  // The inbox may have forgotten that an earlier delivery was done, and would do it again.
  return Date.parse(publishedAt ?? deadLetteredAt) < rememberedSinceMs ? 'too-old' : undefined;
}
