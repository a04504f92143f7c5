import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Attributes } from '../../../lib/dynamodb/value.ts';
import { fromAttributes } from '../../../lib/dynamodb/value.ts';
import { selectBranches, type Observed } from '../../../lib/inbox/branches.ts';
import { toCandidate } from '../../../lib/inbox/candidate.ts';
import type { Entry } from '../../../lib/inbox/inbox.ts';
import { pack } from '../../../lib/inbox/pack.ts';
import { toTransaction } from '../../../lib/inbox/transaction.ts';
import { carryOut } from '../../support/carry-out.ts';
import { anyItems, entries } from '../../support/effect-arbitraries.ts';
import { place, processAll, type Model } from '../../support/inbox-model.ts';
import { numRuns } from '../../support/thorough.ts';

const scope = { queue: 'loans', name: 'p-inbox', tablePrefix: '', retentionDays: 1 };

/**
 * Combines messages into DynamoDB transactions as the inbox does, and applies the transactions to `items` in memory.
 */
function commitTogether(list: readonly Entry[], items: Map<string, Attributes>) {
  const outcomes = list.map((): string => 'failed');
  const candidates = list.map((entry) => toCandidate(entry, scope.queue));
  for (const { members } of pack(candidates.filter((each) => 'entry' in each))) {
    const ids = new Set(members.flatMap((member) => [...member.items.keys()]));
    const observed: Observed = new Map([...ids].map((id) => [id, items.get(id)]));
    const { selected } = selectBranches(members, observed);
    const { writes, itemIds } = toTransaction(selected, {
      scope,
      markersMet: new Set(),
      fresh: { nowMs: 0, token: 'token' },
    });
    const after = carryOut(writes.slice(selected.length), itemIds, items);
    for (const [id, item] of after) {
      if (item === undefined) items.delete(id);
      else items.set(id, item);
    }
    for (const { candidate, branch } of selected) outcomes[candidates.indexOf(candidate)] = branch.state;
  }
  return outcomes;
}

/** Whether DynamoDB would accept the effects of all messages, according to the model. */
const isAccepted = (list: readonly Entry[], model: Model): boolean => {
  const copy: Model = { items: new Map(model.items), done: new Map(), refused: new Set() };
  processAll(copy, list);
  return copy.refused?.size === 0;
};

test('committing the messages of a batch together has the same result as committing the messages one after another, for effects of every kind', () => {
  let kept = 0;
  fc.assert(
    fc.property(entries(40), (given) => {
      const model: Model = { items: new Map(), done: new Map() };
      const unique = given.map((entry, n) => ({ ...entry, id: `m${n}` as Entry['id'] }));
      // A message that DynamoDB refuses is found by bisection, which the test of the inbox with a real store covers.
      const list: Entry[] = [];
      for (const entry of unique) if (isAccepted([...list, entry], model)) list.push(entry);
      kept += list.length;
      const items = new Map<string, Attributes>();
      const outcomes = commitTogether(list, items);
      expect(outcomes).toEqual(processAll(model, list));
      const stored = [...items.values()].map(fromAttributes);
      expect(new Map(stored.map((item) => [place(anyItems.name, { isbn: item['isbn'] }), item]))).toEqual(model.items);
    }),
    { numRuns: numRuns({ everyday: 60, thorough: 1_000 }) },
  );
  expect(kept).toBeGreaterThan(200);
});
