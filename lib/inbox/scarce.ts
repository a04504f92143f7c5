import type { Attributes } from '../dynamodb/item.ts';

/** Items remembered at most. */
const REMEMBERED = 100;

/**
 * Items for which an alternative had to be taken lately, such as what is sold out, as they were then. Forgetting one, or
 * remembering what is not so any more, costs a request at most: whatever is presumed is checked by the transaction.
 */
export interface Scarce {
  has(itemId: string): boolean;
  /** `undefined` also stands for an item that is not there. */
  recall(itemId: string): Attributes | undefined;
  note(itemId: string, item: Attributes | undefined): void;
  forget(itemId: string): void;
}

export function createScarce(): Scarce {
  const items = new Map<string, Attributes | undefined>();
  return {
    has: (itemId) => items.has(itemId),
    recall: (itemId) => items.get(itemId),
    note(itemId, item) {
      items.delete(itemId);
      items.set(itemId, item);
      if (items.size <= REMEMBERED) return;
      const [oldest] = items.keys();
      items.delete(oldest!);
    },
    forget: (itemId) => void items.delete(itemId),
  };
}
