const MAX_ENTRIES = 10_000;

/** Deletes the oldest entries of a set or a map until it has at most 10,000 entries. */
export function forgetOldest(entries: Set<unknown> | Map<unknown, unknown>): void {
  for (const key of entries.keys()) {
    if (entries.size <= MAX_ENTRIES) break;
    entries.delete(key);
  }
}
