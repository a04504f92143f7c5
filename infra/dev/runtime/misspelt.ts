/**
 * Returns the known name that `given` probably misspells. Returns undefined if `given` is a known name itself or resembles none.
 */
export function meantName(given: string, known: readonly string[]): string | undefined {
  if (known.includes(given)) return undefined;
  const [closest] = known
    .map((name) => ({ name, distance: editDistance(given.toUpperCase(), name) }))
    // Short names resemble each other by chance, so they may differ in only one letter.
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 6)))
    .toSorted((a, b) => a.distance - b.distance);
  return closest?.name;
}

function editDistance(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      current[column] = Math.min(
        rows[row - 1]![column]! + 1,
        current[column - 1]! + 1,
        rows[row - 1]![column - 1]! + (isSame ? 0 : 1),
        isSwapped ? rows[row - 2]![column - 2]! + 1 : Infinity,
      );
    }
    rows.push(current);
  }
  return rows[one.length]![other.length]!;
}
