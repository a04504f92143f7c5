import type { Lines } from '../inbox/inbox.ts';
import type { ReadyWork } from './work.ts';

/** Says by its event which messages must be done one after another. */
export type KeyOf = (event: any) => string;

export const linesOf = (works: readonly ReadyWork[], keyOf: KeyOf): Lines =>
  [...byKey(works, keyOf)].map(([key, mine]) => [key, mine.map(({ ready }) => ready.id)]);

export function byKey(works: readonly ReadyWork[], keyOf: KeyOf): Map<string, ReadyWork[]> {
  const lines = new Map<string, ReadyWork[]>();
  for (const work of works) {
    const key = keyOf(work.ready.event);
    const others = lines.get(key);
    if (others) others.push(work);
    else lines.set(key, [work]);
  }
  return lines;
}
