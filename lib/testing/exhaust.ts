import { decode } from '../message/delivery.ts';
import { readEnvelope } from '../events/envelope.ts';
import type { MessageId } from '../events/message-id.ts';
import { eventMessage } from '../events/publish.ts';
import type { FollowUp } from '../inbox/decision.ts';
import { describeError } from '../runtime/errors.ts';
import { eventOf } from './event.ts';
import { START_MS } from './gated-dependencies.ts';
import { History } from './history.ts';
import { brokenInvariant } from './invariants.ts';
import { idOf, type MemoryBroker } from './memory-broker.ts';
import { muted } from './mute.ts';
import { currentChance, install, runTwice } from './repeat.ts';
import { search } from './search.ts';
import { giveItem, storedItems, type Given, type StoredItems } from './stored-items.ts';
import { definitionOf, type Consumable } from './test-consumer.ts';
import { runWorld } from './world.ts';

export interface ExhaustOptions {
  /**
   * Prepares each simulated run of the consumer: stores the items that exist before the first message, and resets the
   * variables of the test.
   */
  readonly given?: (store: Given) => unknown;
  /**
   * An invariant that must hold after every simulated step of the consumer. The invariant fails if the function returns
   * `false` or throws an error.
   */
  readonly always?: (items: StoredItems) => unknown;
  /** An invariant that must hold at the end of each simulated run of the consumer, when no message is waiting. */
  readonly finally?: (end: EndOfHistory) => unknown;
  /**
   * The maximum number of faults in one simulated run of the consumer. Faults are crashes, lost replies, lost
   * acknowledgements, and messages that are delivered in an unusual sequence or batch. The default is 2.
   */
  readonly faults?: number;
  /** The number of Lambda execution environments that consume the queue at the same time. The default is 1. */
  readonly environments?: number;
  /**
   * The maximum number of simulated runs of the consumer. If more runs are possible, `exhaust` simulates a random
   * sample of them. The default is 1,000.
   */
  readonly histories?: number;
  /** The seed of the random sample. The default is 1. */
  readonly seed?: number;
  /**
   * Whether each `decide` function must return the same decision for the same message and the same items. The default
   * is `true`.
   */
  readonly repeatable?: boolean;
}

/** A message that became a dead letter, with its error code. */
export interface ParkedMessage {
  readonly id: string;
  readonly code: string;
}

/** The stored items and the dead letters at the end of a simulated run of the consumer. */
export interface EndOfHistory extends StoredItems {
  readonly deadLetters: readonly ParkedMessage[];
}

/** What `exhaust` has tried. */
export interface Exhausted {
  readonly histories: number;
  /** The messages that became dead letters in at least one simulated run of the consumer. */
  readonly deadLetters: readonly ParkedMessage[];
  /** Whether `exhaust` simulated every possible run of the consumer, and not only a sample. */
  readonly isComplete: boolean;
}

/**
 * Thrown when an invariant fails in a simulated run of the consumer. The text contains the steps of the shortest run in
 * which an invariant fails.
 */
export class Counterexample extends Error {
  override readonly name = 'Counterexample';
  readonly #history: readonly string[];

  constructor(message: string, history: readonly string[]) {
    super(message);
    this.#history = history;
  }

  /** The steps of the simulated run in which the invariant failed, one line for each step and each detail. */
  get history(): readonly string[] {
    return this.#history;
  }
}

interface Failure {
  readonly broken: string;
  readonly deadLetters: readonly ParkedMessage[];
  readonly history: readonly string[];
}

/**
 * Simulates many runs of a consumer, with crashes, redeliveries, and different orders and batches of its messages.
 * Throws a `Counterexample` if an invariant fails in one of the runs. docs/guides/testing.md lists the invariants that
 * always apply.
 */
export async function exhaust(
  consumable: Consumable,
  events: readonly FollowUp[],
  {
    given = () => {},
    always,
    finally: atEnd,
    faults = 2,
    environments = 1,
    histories = 1_000,
    seed = 1,
    repeatable = true,
  }: ExhaustOptions = {},
): Promise<Exhausted> {
  const definition = definitionOf(consumable);
  const real = currentChance();
  const messages = events.map(({ event, data }, index) =>
    eventMessage(event, data, {
      id: `${event.type}#${index + 1}` as MessageId,
      appId: 'test',
      publishedAtMs: START_MS,
    }),
  );
  const ids = decode(
    eventOf(
      messages.map((message) => ({ message, deliveries: 0 })),
      definition.queue,
    ),
    definition.identify,
  ).map(({ id }) => String(id));

  const allParked = new Map<string, ParkedMessage>();

  async function run(choose: (ways: number) => number): Promise<Failure | undefined> {
    const history = new History();
    let found: Failure | undefined;
    let deadLetters: readonly ParkedMessage[] = [];
    const fail = (broken: string | undefined) => {
      if (broken !== undefined) found ??= { broken, deadLetters, history: [...history.lines] };
    };
    try {
      const world = await runWorld(
        {
          definition,
          messages,
          faults,
          environments,
          switches: environments > 1 ? faults : 0,
          hasZombies: environments > 1,
          isInAnyOrder: definition.orderBy === undefined,
          history,
          prepare: (store) => void given({ given: (table, key, item) => giveItem(store, table, key, item) }),
          afterStep: (store) => fail(failure('always', always, storedItems(store))),
          around: (rule, { context, isPerformed }) =>
            isPerformed || !repeatable
              ? rule()
              : runTwice(rule, context, real, (difference) => {
                  fail(`the rule for ${context.id} is not repeatable. It decided: ${difference}. ${ADVICE}`);
                }),
        },
        choose,
      );
      deadLetters = parkedMessages(world.broker);
      for (const parked of deadLetters) allParked.set(describeParked(parked), parked);
      fail(brokenInvariant(world, ids) ?? failure('finally', atEnd, { ...storedItems(world.store), deadLetters }));
    } catch (error) {
      fail(describeError(error).message);
    }
    return found;
  }

  try {
    const searched = await muted(() => search(run, { deviations: faults, runs: histories, seed }));
    const { failures, runs, deviations, isComplete } = searched;
    const [shortest] = failures.toSorted((one, other) => one.history.length - other.history.length);
    if (shortest === undefined) return { histories: runs, isComplete, deadLetters: [...allParked.values()] };
    const { broken, deadLetters, history } = shortest;
    const sample = isComplete ? '' : ` They are a sample with the seed ${seed}.`;
    const text = [
      broken,
      '',
      'The shortest history in which this happens:',
      ...history,
      ...(deadLetters.length > 0 ? ['', `Dead letters: ${deadLetters.map(describeParked).join(', ')}.`] : []),
      '',
      `Histories tried: ${runs}, with at most ${deviations} faults each.${sample}`,
    ];
    throw new Counterexample(text.join('\n'), history);
  } finally {
    install(real);
  }
}

function parkedMessages({ deadLetters }: MemoryBroker): ParkedMessage[] {
  const parked = new Map<string, ParkedMessage>();
  for (const message of deadLetters) {
    const { id = '', code = '' } = readEnvelope(message.properties.headers).deadLetter ?? {};
    parked.set(String(id), { id: String(idOf(message)), code });
  }
  return [...parked.values()];
}

const describeParked = ({ id, code }: ParkedMessage): string => `${id} (${code})`;

const ADVICE =
  'A decide function must depend only on its event, its context and the items that it reads: not on the clock, random numbers or variables outside of the function';

function failure<Items>(
  name: string,
  invariant: ((items: Items) => unknown) | undefined,
  items: Items,
): string | undefined {
  try {
    return invariant?.(items) === false ? `the invariant "${name}" returned false` : undefined;
  } catch (error) {
    return `the invariant "${name}" fails: ${describeError(error).message}`;
  }
}
