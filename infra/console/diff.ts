/** A line of a comparison of two texts. The line is only in the old text, only in the new text, or in both. */
export interface DiffLine {
  readonly kind: 'removed' | 'added' | 'same';
  readonly text: string;
}

/**
 * The limit for the number of old lines times the number of new lines. Above this limit, the comparison would take too
 * much memory, so all old lines are shown as removed and all new lines as added.
 */
const MAX_CELLS = 4_000_000;

/**
 * Compares two texts line by line. Marks as many lines as possible as `same`, and the others as `removed` or `added`.
 */
export function diffLines(before: string, after: string): DiffLine[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (
    end < old.length - start &&
    end < now.length - start &&
    old[old.length - 1 - end] === now[now.length - 1 - end]
  )
    end += 1;
  const same = (text: string): DiffLine => ({ kind: 'same', text });
  return [
    ...old.slice(0, start).map(same),
    ...compared(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    ...old.slice(old.length - end).map(same),
  ];
}

function compared(old: readonly string[], now: readonly string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: 'removed', text });
  const added = (text: string): DiffLine => ({ kind: 'added', text });
  const width = now.length + 1;
  if ((old.length + 1) * width > MAX_CELLS) return [...old.map(removed), ...now.map(added)];
  // The cell of two positions has the length of the longest common subsequence of the lines from these positions on.
  const common = new Uint32Array((old.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j]!;
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = now.length - 1; j >= 0; j -= 1)
      common[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length)
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ kind: 'same', text: old[i]! });
      i += 1;
      j += 1;
    } else if (j === now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(old[i]!));
      i += 1;
    } else {
      lines.push(added(now[j]!));
      j += 1;
    }
  return lines;
}

/** One entry of a shortened comparison: a line, or the number of equal lines that are left out at this place. */
export type DiffPart = DiffLine | { readonly leftOut: number };

/** Leaves out equal lines that are more than `context` lines away from every difference. */
export function withContext(lines: readonly DiffLine[], context: number): DiffPart[] {
  const isNear = lines.map(() => false);
  lines.forEach(({ kind }, index) => {
    if (kind !== 'same') isNear.fill(true, Math.max(index - context, 0), index + context + 1);
  });
  const parts: DiffPart[] = [];
  let leftOut = 0;
  lines.forEach((line, index) => {
    if (!isNear[index]) {
      leftOut += 1;
      return;
    }
    if (leftOut > 0) parts.push({ leftOut });
    leftOut = 0;
    parts.push(line);
  });
  if (leftOut > 0) parts.push({ leftOut });
  return parts;
}
