import { isDeepStrictEqual } from 'node:util';

import type { RuleContext } from '../message/rule.ts';
import type { Decision } from '../inbox/decision.ts';
import { describeError } from '../runtime/errors.ts';
import { describeDecision } from './describe.ts';
import { comparable } from './received.ts';

type Decided = Decision | Promise<Decision | void>;
type Settled = { readonly decision: Decision | void } | { readonly error: unknown };

export interface Chance {
  readonly Date: DateConstructor;
  readonly random: () => number;
}

export const currentChance = (): Chance => ({ Date: globalThis.Date, random: Math.random });

export function install({ Date, random }: Chance): void {
  globalThis.Date = Date;
  Math.random = random;
}

const LATER_MS = 400 * 86_400_000 + 5 * 3_600_000 + 17 * 60_000 + 3_217;

const later = (Real: DateConstructor): DateConstructor =>
  class extends Real {
    constructor(...given: readonly []) {
      if (given.length === 0) super(Real.now() + LATER_MS);
      else super(...given);
    }
    static override now = () => Real.now() + LATER_MS;
    static override [Symbol.hasInstance] = (value: unknown) => value instanceof Real;
  } as unknown as DateConstructor;

function near(edge: 0 | 1): () => number {
  let count = 0;
  return () => Math.abs(edge - ++count * 1e-9);
}

/**
 * Runs a business rule twice for the same message and the same items, at different times and with different random
 * numbers. Calls `differs` if the two decisions differ.
 */
export function runTwice(
  run: (context: RuleContext) => Decided,
  context: RuleContext,
  real: Chance,
  differs: (explanation: string) => void,
): Decided {
  const reads: Promise<unknown>[] = [];
  const recording: RuleContext['read'] = (table, key) => {
    const read = context.read(table, key);
    reads.push(read);
    return read;
  };
  const replaying = (async () => reads.shift()) as RuleContext['read'];
  const runWith = (read: RuleContext['read'], chance: Chance) =>
    settled(() => run({ ...context, signal: context.signal, read }), chance, real);
  const end = (first: Settled, second: Settled): Decision => {
    if (!isDeepStrictEqual(plain(first), plain(second)))
      differs(`${textOf(first)}; but when it ran again: ${textOf(second)}`);
    if ('error' in first) throw first.error;
    return first.decision as Decision;
  };
  const again = () => runWith(replaying, { Date: later(real.Date), random: near(1) });
  const first = runWith(recording, { Date: real.Date, random: near(0) });
  if ('then' in first) return first.then(async (one) => end(one, await again()));
  const second = again();
  return 'then' in second ? second.then((two) => end(first, two)) : end(first, second);
}

function settled(run: () => Decided, chance: Chance, real: Chance): Settled | Promise<Settled> {
  install(chance);
  let decided: Decided;
  try {
    decided = run();
  } catch (error) {
    install(real);
    return { error };
  }
  if (!('then' in Object(decided))) {
    install(real);
    return { decision: decided as Decision };
  }
  return (decided as Promise<Decision | void>)
    .then(
      (decision) => ({ decision }),
      (error: unknown) => ({ error }),
    )
    .finally(() => install(real));
}

const textOf = (one: Settled): string => {
  if ('error' in one) return `the rule throws ${describeError(one.error).message}`;
  return one.decision ? describeDecision(one.decision) : 'no decision';
};

const plain = (one: Settled): unknown => ('error' in one ? 'an error' : plainDecision(one.decision ?? undefined));

function plainDecision(decision: Decision | undefined): unknown {
  if (decision === undefined) return undefined;
  const { effects, events = [], outcome = 'completed', reason, otherwise } = decision;
  return {
    outcome,
    reason,
    effects: effects.map(comparable),
    events: events.map(({ event: { type, version }, data }) => ({ type, version, data })),
    otherwise: plainDecision(otherwise),
  };
}
