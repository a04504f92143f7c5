import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { git, whyUnreadable } from '../support/history.ts';

const FILE = 'test/integration/forms/forms.json';

/**
 * The Git commit since which the examples in forms.json are frozen (docs/adr/018-frozen-forms.md). A commit cannot
 * change an example and this constant together, because a commit cannot contain its own hash.
 */
const FROZEN_SINCE = '444c1725768ecfbc9755f4902a062f5acd47f552';

interface Forms {
  readonly items: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly messages: Readonly<Record<string, { readonly record: unknown }>>;
}

/** Returns the example DynamoDB items and messages of one version of forms.json, by a description of each example. */
const writtenIn = ({ items, messages }: Forms): Map<string, unknown> =>
  new Map([
    ...Object.entries(items).flatMap(([table, examples]) =>
      Object.entries(examples).map(([key, item]) => [`the item ${key} of the table ${table}`, item] as const),
    ),
    ...Object.entries(messages).map(([name, { record }]) => [`the message ${name}`, record] as const),
  ]);

/** Returns the path of each value in `one` that `other` lacks, or that has another value in `other`. */
function missing(one: unknown, other: unknown, path: string): string[] {
  if (typeof one !== 'object' || one === null) return one === other ? [] : [path];
  if (typeof other !== 'object' || other === null) return [path];
  const found = new Map<string, unknown>(Object.entries(other));
  return Object.entries(one).flatMap(([key, value]) => missing(value, found.get(key), `${path} > ${key}`));
}

/** Returns the contents of forms.json at the commit `FROZEN_SINCE` and at each later commit that changed the file. */
function earlierForms(): Forms[] {
  const later = git('log', '--format=%H', `${FROZEN_SINCE}..HEAD`, '--', FILE).toString().split('\n').filter(Boolean);
  return [FROZEN_SINCE, ...later].map((commit) => JSON.parse(git('show', `${commit}:${FILE}`).toString()) as Forms);
}

const reason = whyUnreadable(FROZEN_SINCE);
if (reason !== undefined) process.stderr.write(`frozen-forms.test.ts is skipped: ${reason}\n`);

(reason === undefined ? describe : describe.skip)('the examples in forms.json', () => {
  const forms = JSON.parse(readFileSync(FILE, 'utf8')) as Forms;

  test('forms.json still contains every example of its earlier versions, with the same values', () => {
    const gone = earlierForms().flatMap((earlier) => missing(earlier, forms, 'forms.json'));
    expect([...new Set(gone)]).toEqual([]);
  });

  test('no header or attribute is added to an existing example in forms.json: a new form needs an example of its own', () => {
    const now = writtenIn(forms);
    const added = earlierForms().flatMap((earlier) =>
      [...writtenIn(earlier)].flatMap(([name, example]) => missing(now.get(name), example, name)),
    );
    expect([...new Set(added)]).toEqual([]);
  });
});
