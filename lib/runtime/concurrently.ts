/**
 * Does `work` for each item, `limit` of them at once. The tasks share the items, each takes the next one: a promise for
 * every item, as libraries have it, is felt where items are many and work is short. `work` must not reject.
 */
export async function concurrently<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = items.entries();
  const task = async () => {
    for (const [index, item] of waiting) await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, task));
}
