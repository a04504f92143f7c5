/** What the one who sent a message was told: taken, refused, or nothing that says which. */
export type Answer = 'accepted' | 'refused' | 'indeterminate';

/** How a message ended at one consumer. */
export type End = 'completed' | 'rejected' | 'dead-lettered';

/** One message at one consumer, once it is quiet. */
export interface Account {
  readonly id: string;
  readonly consumer: string;
  readonly answer: Answer;
  /** No consumer can ever do it: it belongs to the dead letters. */
  readonly isPoison: boolean;
  /** Its consumer may do it or give up on it, though not both. */
  readonly endsEitherWay?: boolean;
  /** Nothing tells it from another one like it, since its publisher gave it no id: it may be parked more than once. */
  readonly hasNoId?: boolean;
  /** Terminal states that were found of it. */
  readonly ends: readonly End[];
  /** How often its effects were found, in whole or in part. */
  readonly applied: number;
  /** How often a completion applies effects: 1, or 0 where there is nothing to apply. */
  readonly due: 0 | 1;
}

/** A number that must add up, such as the stock of a SKU. */
export interface Sum {
  readonly name: string;
  readonly expected: number;
  readonly found: number;
}

/** Everything that was sent, held against everything that was found. */
export interface Books {
  readonly accounts: readonly Account[];
  readonly sums: readonly Sum[];
  /** Ids that were found though nobody sent them. */
  readonly unexpected: readonly string[];
  /** Messages that still wait somewhere. */
  readonly waiting: number;
  /** Ids of messages that were done before one of the same key that was sent earlier. */
  readonly outOfOrder: readonly string[];
  readonly recovery?: { readonly tookMs: number; readonly limitMs: number };
}

interface Invariant {
  readonly name: string;
  readonly says: string;
  /** What speaks against it: ids, with what is wrong about them. */
  violations(books: Books): string[];
}

const named = ({ id, consumer }: Account, what: string) => `${id} at ${consumer}: ${what}`;

const accountsWhere = (books: Books, isWrong: (account: Account) => string | false) =>
  books.accounts.flatMap((account) => {
    const what = isWrong(account);
    return what ? [named(account, what)] : [];
  });

/** What must hold whatever fails: for the runs against the real system, and for the model of the protocol. */
const invariants = {
  lost: {
    name: 'lost',
    says: 'every accepted message has ended',
    violations: (books) =>
      accountsWhere(books, ({ answer, ends }) => answer === 'accepted' && ends.length === 0 && 'accepted, never ended'),
  },
  endedTwice: {
    name: 'ended twice',
    says: 'no message ends in more than one way, or more than once',
    violations: (books) =>
      accountsWhere(books, ({ ends, hasNoId }) => !hasNoId && ends.length > 1 && `ended ${ends.join(' and ')}`),
  },
  appliedTwice: {
    name: 'applied twice',
    says: "a message's effects happen at most once per consumer",
    violations: (books) => accountsWhere(books, ({ applied }) => applied > 1 && `applied ${applied} times`),
  },
  appliedWrongly: {
    name: 'applied wrongly',
    says: 'effects are there for what was completed, whole, and for nothing else',
    violations: (books) =>
      accountsWhere(books, ({ applied, due, ends }) => {
        const owed = ends.includes('completed') ? due : 0;
        return applied <= 1 && applied !== owed && `applied ${applied} times, ended ${ends.join(' and ') || 'nowhere'}`;
      }),
  },
  unbalanced: {
    name: 'unbalanced',
    says: 'stock and points add up to the unit',
    violations: ({ sums }) =>
      sums
        .filter(({ expected, found }) => expected !== found)
        .map(({ name, expected, found }) => `${name}: expected ${expected}, found ${found}`),
  },
  unexpected: {
    name: 'unexpected',
    says: 'nothing appears that nobody sent, or that was refused',
    violations: (books) => [
      ...books.unexpected,
      ...accountsWhere(
        books,
        ({ answer, ends, applied }) => answer === 'refused' && ends.length + applied > 0 && 'refused, and there',
      ),
    ],
  },
  notDrained: {
    name: 'not drained',
    says: 'every queue drains to zero',
    violations: ({ waiting }) => (waiting === 0 ? [] : [`${waiting} messages wait`]),
  },
  wronglyDeadLettered: {
    name: 'wrongly dead-lettered',
    says: 'nothing is dead-lettered but poison',
    violations: (books) =>
      accountsWhere(
        books,
        ({ isPoison, endsEitherWay, ends }) =>
          !isPoison && !endsEitherWay && ends.includes('dead-lettered') && 'dead-lettered',
      ),
  },
  poisonDone: {
    name: 'poison done',
    says: 'poison is parked, never done',
    violations: (books) =>
      accountsWhere(
        books,
        ({ isPoison, ends }) =>
          isPoison && ends.some((end) => end !== 'dead-lettered') && `poison, ${ends.join(' and ')}`,
      ),
  },
  outOfOrder: {
    name: 'out of order',
    says: 'messages of one key are done one after another where that is promised',
    violations: ({ outOfOrder }) => [...outOfOrder],
  },
  tooSlow: {
    name: 'too slow',
    says: 'it recovers in bounded time',
    violations: ({ recovery }) =>
      recovery && recovery.tookMs > recovery.limitMs
        ? [`${Math.round(recovery.tookMs)} ms to recover, ${recovery.limitMs} ms are allowed`]
        : [],
  },
} as const satisfies Record<string, Invariant>;

export type InvariantName = keyof typeof invariants;

/** Everything that speaks against any of them. */
export function violationsOf(books: Books): Partial<Record<InvariantName, string[]>> {
  const found = Object.entries(invariants).map(([name, { violations }]) => [name, violations(books)] as const);
  return Object.fromEntries(found.filter(([, ids]) => ids.length > 0));
}
