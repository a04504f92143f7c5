/**
 * The answer that the sender of a message received. After the answer `indeterminate`, the sender does not know whether
 * the message was accepted.
 */
export type Answer = 'accepted' | 'refused' | 'indeterminate';

export type End = 'completed' | 'rejected' | 'dead-lettered';

/** What happened to one message at one consumer, according to the DynamoDB tables at the end of the run. */
export interface Account {
  readonly id: string;
  readonly consumer: string;
  readonly answer: Answer;
  /** Whether processing the message fails at every attempt. Such a message must become a dead letter. */
  readonly isPoison: boolean;
  /** Whether the test accepts either final state of the message: completed or dead-lettered. */
  readonly endsEitherWay?: boolean;
  /** Whether the message has no id. Such a message may become a dead letter more than once. */
  readonly hasNoId?: boolean;
  readonly ends: readonly End[];
  /** How often the consumer applied the effects of the message. */
  readonly applied: number;
  /** The number of times that the effects of a completed message must be applied: 1, or 0 if it has no effects. */
  readonly due: 0 | 1;
}

/** The expected and the actual value of a total, such as a counter that many messages increase. */
export interface Sum {
  readonly name: string;
  readonly expected: number;
  readonly found: number;
}

/** The result of comparing the sent messages with the contents of the DynamoDB tables and the queues. */
export interface AuditResult {
  readonly accounts: readonly Account[];
  readonly sums: readonly Sum[];
  readonly unexpected: readonly string[];
  /** The number of messages that are still in the queues when the test checks the invariants. */
  readonly waiting: number;
  readonly outOfOrder: readonly string[];
  readonly recovery?: { readonly tookMs: number; readonly limitMs: number };
}

interface Invariant {
  readonly name: string;
  readonly says: string;
  /** Returns one description for each violation of this invariant. */
  violations(audited: AuditResult): string[];
}

const named = ({ id, consumer }: Account, what: string) => `${id} at ${consumer}: ${what}`;

const accountsWhere = (audited: AuditResult, isWrong: (account: Account) => string | false) =>
  audited.accounts.flatMap((account) => {
    const what = isWrong(account);
    return what ? [named(account, what)] : [];
  });

/**
 * The invariants that must hold under every fault. The fault tests check them in a running system, and the tests in
 * test/model check them in a model.
 */
const invariants = {
  lost: {
    name: 'lost',
    says: 'every accepted message has a final state',
    violations: (audited) =>
      accountsWhere(
        audited,
        ({ answer, ends }) => answer === 'accepted' && ends.length === 0 && 'it was accepted but has no final state',
      ),
  },
  endedTwice: {
    name: 'ended twice',
    says: 'no message has more than one final state',
    violations: (audited) =>
      accountsWhere(
        audited,
        ({ ends, hasNoId }) => !hasNoId && ends.length > 1 && `it has the final states ${ends.join(' and ')}`,
      ),
  },
  appliedTwice: {
    name: 'applied twice',
    says: 'the effects of a message are applied at most once per consumer',
    violations: (audited) =>
      accountsWhere(audited, ({ applied }) => applied > 1 && `its effects were applied ${applied} times`),
  },
  appliedWrongly: {
    name: 'applied wrongly',
    says: 'exactly the completed messages have effects, and each has all of its effects',
    violations: (audited) =>
      accountsWhere(audited, ({ applied, due, ends }) => {
        const owed = ends.includes('completed') ? due : 0;
        return (
          applied <= 1 &&
          applied !== owed &&
          `its effects were applied ${applied} times, and its final state is ${ends.join(' and ') || 'missing'}`
        );
      }),
  },
  unbalanced: {
    name: 'unbalanced',
    says: 'the totals that many messages change are exact',
    violations: ({ sums }) =>
      sums
        .filter(({ expected, found }) => expected !== found)
        .map(({ name, expected, found }) => `${name}: expected ${expected}, found ${found}`),
  },
  unexpected: {
    name: 'unexpected',
    says: 'no refused message is processed, and no message appears that was never sent',
    violations: (audited) => [
      ...audited.unexpected,
      ...accountsWhere(
        audited,
        ({ answer, ends, applied }) =>
          answer === 'refused' && ends.length + applied > 0 && 'it was refused but was processed',
      ),
    ],
  },
  notDrained: {
    name: 'not drained',
    says: 'every queue drains to zero',
    violations: ({ waiting }) => (waiting === 0 ? [] : [`${waiting} messages are still in the queues`]),
  },
  wronglyDeadLettered: {
    name: 'wrongly dead-lettered',
    says: 'only messages that fail at every attempt are dead-lettered',
    violations: (audited) =>
      accountsWhere(
        audited,
        ({ isPoison, endsEitherWay, ends }) =>
          !isPoison &&
          !endsEitherWay &&
          ends.includes('dead-lettered') &&
          'it was dead-lettered but does not fail at every attempt',
      ),
  },
  poisonDone: {
    name: 'poison done',
    says: 'messages that fail at every attempt are dead-lettered and never completed',
    violations: (audited) =>
      accountsWhere(
        audited,
        ({ isPoison, ends }) =>
          isPoison &&
          ends.some((end) => end !== 'dead-lettered') &&
          `it fails at every attempt but has the final state ${ends.join(' and ')}`,
      ),
  },
  outOfOrder: {
    name: 'out of order',
    says: 'ordered queues process the messages of a key in order',
    violations: ({ outOfOrder }) => [...outOfOrder],
  },
  tooSlow: {
    name: 'too slow',
    says: 'the system recovers within its time limit',
    violations: ({ recovery }) =>
      recovery && recovery.tookMs > recovery.limitMs
        ? [`the system recovered after ${Math.round(recovery.tookMs)} ms instead of within ${recovery.limitMs} ms`]
        : [],
  },
} as const satisfies Record<string, Invariant>;

export type InvariantName = keyof typeof invariants;

export function violationsOf(audited: AuditResult): Partial<Record<InvariantName, string[]>> {
  const found = Object.entries(invariants).map(([name, { violations }]) => [name, violations(audited)] as const);
  return Object.fromEntries(found.filter(([, ids]) => ids.length > 0));
}
