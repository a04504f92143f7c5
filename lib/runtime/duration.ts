const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Parses a duration such as `500ms`, `10s`, `1m` or `2h` to milliseconds. Returns `undefined` for any other text. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,8})(ms|s|m|h)$/.exec(text) ?? [];
  return count && unit ? Number(count) * UNITS_MS[unit]! : undefined;
}

/** Formats a duration in the shortest notation, for example `1m` instead of `60s`. */
export function formatDuration(ms: number): string {
  const [unit, unitMs] = Object.entries(UNITS_MS).find(([, unitMs]) => ms % unitMs === 0)!;
  return `${ms / unitMs}${unit}`;
}
