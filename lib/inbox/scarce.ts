/** Items remembered at most. */
const REMEMBERED = 100;

/**
 * Items of which a condition failed lately, such as what is sold out: it will fail again, so their messages get transactions
 * of their own, and no neighbour waits for the second try. Forgetting one, or keeping one too long, costs a request at most.
 */
export interface Scarce {
  has(itemId: string): boolean;
  note(itemId: string): void;
}

export function createScarce(): Scarce {
  const ids = new Set<string>();
  return {
    has: (itemId) => ids.has(itemId),
    note(itemId) {
      ids.delete(itemId);
      ids.add(itemId);
      if (ids.size <= REMEMBERED) return;
      const [oldest] = ids;
      ids.delete(oldest!);
    },
  };
}
