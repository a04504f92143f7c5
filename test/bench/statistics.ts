export interface Spread {
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  minimum: Math.min(...values),
  maximum: Math.max(...values),
});
