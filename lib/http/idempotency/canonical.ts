import { createHash } from 'node:crypto';

/**
 * Returns a copy of a JSON value with the fields of every object sorted by name. Equal values therefore have equal JSON
 * texts.
 */
export function canonical<T>(value: T): T {
  if (Array.isArray(value)) return value.map(canonical) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, canonical(member)]),
  ) as T;
}

/** Returns the SHA-256 hash of the value's canonical JSON, in hex. */
export const hashOf = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(canonical(value)))
    .digest('hex');
