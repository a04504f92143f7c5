import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { diffLines, withContext, type DiffLine } from '../../../infra/console/diff.ts';

const sign = { same: ' ', removed: '-', added: '+' } as const;
const shown = (lines: readonly DiffLine[]) => lines.map(({ kind, text }) => sign[kind] + text);

test('a comparison of two texts shows the removed and the added lines between the equal lines', () => {
  expect(shown(diffLines('a\nb\nc\nd', 'a\nx\nc\nd\ne'))).toEqual([' a', '-b', '+x', ' c', ' d', '+e']);
});

test('diffLines returns all lines of both texts in order, and marks as many lines as possible as unchanged', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(text, text, (old, now) => {
      const lines = diffLines(old.join('\n'), now.join('\n'));
      const only = (left: DiffLine['kind']) => lines.flatMap(({ kind, text }) => (kind === left ? [] : [text]));
      expect(only('added')).toEqual(old);
      expect(only('removed')).toEqual(now);
      expect(lines.filter(({ kind }) => kind === 'same')).toHaveLength(longestCommon(old, now));
    }),
  );
});

function longestCommon(old: readonly string[], now: readonly string[]): number {
  if (old.length === 0 || now.length === 0) return 0;
  const [oldRest, nowRest] = [old.slice(1), now.slice(1)];
  if (old[0] === now[0]) return 1 + longestCommon(oldRest, nowRest);
  return Math.max(longestCommon(oldRest, now), longestCommon(old, nowRest));
}

test('if comparing two texts would take too long, all old lines are shown as removed and all new lines as added', () => {
  const lines = (prefix: string) => Array.from({ length: 3_000 }, (_, index) => `${prefix}${index}`).join('\n');
  const diff = diffLines(lines('a'), lines('b'));
  expect(diff.map(({ kind }) => kind)).toEqual([...Array(3_000).fill('removed'), ...Array(3_000).fill('added')]);
});

test('a comparison leaves out equal lines that are far from a difference, and says how many lines were left out', () => {
  const lines = diffLines('1\n2\n3\n4\n5\n6\n7', '1\n2\n3\n4\nfive\n6\n7');
  expect(withContext(lines, 1)).toEqual([
    { leftOut: 3 },
    { kind: 'same', text: '4' },
    { kind: 'removed', text: '5' },
    { kind: 'added', text: 'five' },
    { kind: 'same', text: '6' },
    { leftOut: 1 },
  ]);
});
