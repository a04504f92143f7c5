import { describe, expect, test } from '@jest/globals';

import { violationsOf, type Account, type AuditResult, type InvariantName } from './invariants.ts';

const account = (about: Partial<Account> = {}): Account => ({
  id: 'order-1',
  consumer: 'loans',
  answer: 'accepted',
  isPoison: false,
  ends: ['completed'],
  applied: 1,
  due: 1,
  ...about,
});

const audited = (about: Partial<AuditResult> = {}): AuditResult => ({
  accounts: [account()],
  sums: [{ name: 'copies of a book', expected: 99, found: 99 }],
  unexpected: [],
  waiting: 0,
  outOfOrder: [],
  recovery: { tookMs: 900, limitMs: 1_000 },
  ...about,
});

describe('audits without violations', () => {
  const balanced: readonly [situation: string, audited: AuditResult][] = [
    ['a completed order', audited()],
    ['a rejected order', audited({ accounts: [account({ ends: ['rejected'], applied: 0 })] })],
    [
      'a poison message that was dead-lettered',
      audited({ accounts: [account({ isPoison: true, ends: ['dead-lettered'], applied: 0 })] }),
    ],
    [
      'an order that got no HTTP response and was processed',
      audited({ accounts: [account({ answer: 'indeterminate' })] }),
    ],
    [
      'an order that got no HTTP response and was not processed',
      audited({ accounts: [account({ answer: 'indeterminate', ends: [], applied: 0 })] }),
    ],
    [
      'an order that the API rejected and no consumer processed',
      audited({ accounts: [account({ answer: 'refused', ends: [], applied: 0 })] }),
    ],
    [
      'a poison message without an id that was dead-lettered twice',
      audited({
        accounts: [
          account({ isPoison: true, hasNoId: true, ends: ['dead-lettered', 'dead-lettered'], applied: 0, due: 0 }),
        ],
      }),
    ],
  ];
  for (const [situation, sound] of balanced)
    test(`the audit of a fault run reports no violation for ${situation}`, () =>
      expect(violationsOf(sound)).toEqual({}));
});

describe('audits with violations', () => {
  const wrong: readonly [situation: string, audited: AuditResult, violated: InvariantName[]][] = [
    ['an accepted order that never ended', audited({ accounts: [account({ ends: [], applied: 0 })] }), ['lost']],
    [
      'a poison message that was both completed and dead-lettered',
      audited({ accounts: [account({ isPoison: true, ends: ['completed', 'dead-lettered'] })] }),
      ['endedTwice', 'poisonDone'],
    ],
    ['effects that were applied twice', audited({ accounts: [account({ applied: 2 })] }), ['appliedTwice']],
    ['half an effect', audited({ accounts: [account({ applied: 0.5 })] }), ['appliedWrongly']],
    ['effects of a rejected order', audited({ accounts: [account({ ends: ['rejected'] })] }), ['appliedWrongly']],
    ['a completed order without its effects', audited({ accounts: [account({ applied: 0 })] }), ['appliedWrongly']],
    ['a sum that does not add up', audited({ sums: [{ name: 'apple', expected: 9, found: 8 }] }), ['unbalanced']],
    ['a message that nobody sent', audited({ unexpected: ['order-9'] }), ['unexpected']],
    [
      'an order that the API rejected but a consumer processed',
      audited({ accounts: [account({ answer: 'refused' })] }),
      ['unexpected'],
    ],
    ['messages that still wait in a queue', audited({ waiting: 3 }), ['notDrained']],
    [
      'a valid order that was dead-lettered',
      audited({ accounts: [account({ ends: ['dead-lettered'], applied: 0 })] }),
      ['wronglyDeadLettered'],
    ],
    ['ledger entries that were processed out of order', audited({ outOfOrder: ['entry-2'] }), ['outOfOrder']],
    ['a recovery over its limit', audited({ recovery: { tookMs: 1_001, limitMs: 1_000 } }), ['tooSlow']],
  ];
  for (const [situation, unsound, violated] of wrong)
    test(`the audit of a fault run reports the violation ${String(violated)} for ${situation}`, () =>
      expect(Object.keys(violationsOf(unsound))).toEqual(violated));
});
