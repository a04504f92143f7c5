import { describe, expect, test } from '@jest/globals';

import { violationsOf, type Account, type Books, type InvariantName } from '../../faults/invariants.ts';

const account = (about: Partial<Account> = {}): Account => ({
  id: 'order-1',
  consumer: 'stock',
  answer: 'accepted',
  isPoison: false,
  ends: ['completed'],
  applied: 1,
  due: 1,
  ...about,
});

const books = (about: Partial<Books> = {}): Books => ({
  accounts: [account()],
  sums: [{ name: 'stock of apple', expected: 99, found: 99 }],
  unexpected: [],
  waiting: 0,
  outOfOrder: [],
  recovery: { tookMs: 900, limitMs: 1_000 },
  ...about,
});

describe('books that balance', () => {
  const balanced: readonly [what: string, books: Books][] = [
    ['a completed order', books()],
    ['a rejected one', books({ accounts: [account({ ends: ['rejected'], applied: 0 })] })],
    ['poison that was parked', books({ accounts: [account({ isPoison: true, ends: ['dead-lettered'], applied: 0 })] })],
    ['an order without an answer that is there', books({ accounts: [account({ answer: 'indeterminate' })] })],
    [
      'an order without an answer that is not there',
      books({ accounts: [account({ answer: 'indeterminate', ends: [], applied: 0 })] }),
    ],
    ['a refused order that is not there', books({ accounts: [account({ answer: 'refused', ends: [], applied: 0 })] })],
    [
      'poison without an id that was parked twice',
      books({
        accounts: [
          account({ isPoison: true, hasNoId: true, ends: ['dead-lettered', 'dead-lettered'], applied: 0, due: 0 }),
        ],
      }),
    ],
  ];
  for (const [what, sound] of balanced) test(`${what} violates nothing`, () => expect(violationsOf(sound)).toEqual({}));
});

describe('books that do not balance', () => {
  const wrong: readonly [what: string, books: Books, violated: InvariantName[]][] = [
    ['an accepted order that never ended', books({ accounts: [account({ ends: [], applied: 0 })] }), ['lost']],
    [
      'an order that was completed and parked',
      books({ accounts: [account({ isPoison: true, ends: ['completed', 'dead-lettered'] })] }),
      ['endedTwice', 'poisonDone'],
    ],
    ['effects that were applied twice', books({ accounts: [account({ applied: 2 })] }), ['appliedTwice']],
    ['half an effect', books({ accounts: [account({ applied: 0.5 })] }), ['appliedWrongly']],
    ['effects of a rejected order', books({ accounts: [account({ ends: ['rejected'] })] }), ['appliedWrongly']],
    ['a completed order without its effects', books({ accounts: [account({ applied: 0 })] }), ['appliedWrongly']],
    ['stock that does not add up', books({ sums: [{ name: 'apple', expected: 9, found: 8 }] }), ['unbalanced']],
    ['a message that nobody sent', books({ unexpected: ['order-9'] }), ['unexpected']],
    ['a refused order that is there', books({ accounts: [account({ answer: 'refused' })] }), ['unexpected']],
    ['messages that wait', books({ waiting: 3 }), ['notDrained']],
    [
      'a sound order that was parked',
      books({ accounts: [account({ ends: ['dead-lettered'], applied: 0 })] }),
      ['wronglyDeadLettered'],
    ],
    ['entries in another order', books({ outOfOrder: ['entry-2'] }), ['outOfOrder']],
    ['a recovery over its limit', books({ recovery: { tookMs: 1_001, limitMs: 1_000 } }), ['tooSlow']],
  ];
  for (const [what, unsound, violated] of wrong)
    test(`${what}: ${violated.join(' and ')}`, () => expect(Object.keys(violationsOf(unsound))).toEqual(violated));
});
