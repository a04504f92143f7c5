import { setImmediate } from 'node:timers/promises';

import { newMemory, type Memory } from '../consumer/batch.ts';
import { createConsumer, type ConsumerDefinition } from '../consumer/consumer.ts';
import type { RuleContext } from '../message/rule.ts';
import { headerNames } from '../events/envelope.ts';
import type { Message } from '../events/message.ts';
import type { Decision } from '../inbox/decision.ts';
import { PublishError } from '../runtime/errors.ts';
import { eventOf, type QueuedCopy } from './event.ts';
import { gatedDependencies, memorySettings, type Call, type Gate } from './gated-dependencies.ts';
import { describeCall, describeResult, type History } from './history.ts';
import { createMemoryBroker, idOf, type MemoryBroker } from './memory-broker.ts';
import { emptyStore, type MemoryStore } from './memory-store.ts';
import { aroundRules, CrashedError, recorded } from './rules.ts';
import {
  contentsText,
  copyContents,
  copyText,
  dataText,
  linesText,
  withoutRandomIds,
  type Contents,
} from './state-text.ts';

/** Makes one choice of a simulation: an integer from 0 to `ways` - 1. The choice 0 is the usual one. */
export type Choose = (ways: number) => number;

export interface WorldOptions {
  readonly definition: ConsumerDefinition<any>;
  /** The messages in the queue, oldest first. A message that the list contains twice was published twice. */
  readonly messages: readonly Pick<Message, 'body' | 'properties'>[];
  /** The maximum number of faults in one simulation. A fault can happen at any call to the store or the broker. */
  readonly faults: number;
  /** The number of execution environments that consume the queue at the same time; the default is 1. */
  readonly environments?: number;
  /**
   * How many times a simulation may pause one execution environment and continue with another, although the first could
   * continue.
   */
  readonly switches?: number;
  /**
   * Whether the event source may return a batch to the queue while an execution environment is still processing this
   * batch.
   */
  readonly hasZombies?: boolean;
  readonly hasWholeBatches?: boolean;
  /**
   * How many times the dead-letter exchange refuses a message in one simulation. After a refusal, the whole batch is
   * redelivered.
   */
  readonly refusals?: number;
  /** How many follow-up events the simulated broker returns in one simulation because no queue receives them. */
  readonly unroutable?: number;
  /**
   * How far the simulated clock advances at the start of each batch, in ms. By default, the clock advances far enough
   * for every lease to expire.
   */
  readonly stepMs?: number;
  /** Whether the simulation also lets the messages arrive in a different order from that in `messages`. */
  readonly isInAnyOrder?: boolean;
  readonly prepare?: (store: MemoryStore) => void;
  readonly afterStep?: (store: MemoryStore) => void;
  readonly isOver?: () => boolean;
  /**
   * Returns whether an earlier simulation has already reached the same state. If so, this simulation ends, because it
   * would continue in the same way. `state` returns the state of the simulated store, broker and processes as text.
   * `snapshot` returns a snapshot from which a later simulation can continue; it is `undefined` while an environment
   * processes a batch.
   */
  readonly isExplored?: (state: () => string, snapshot: (() => Snapshot) | undefined) => boolean;
  /** Continues from the snapshot of an earlier simulation, which had equal options, and not from the start. */
  readonly from?: Snapshot;
  readonly history?: History;
  readonly around?: (
    run: (context?: RuleContext) => Decision | Promise<Decision | void>,
    about: {
      readonly context: RuleContext;
      readonly isPerformed: boolean;
      readonly crash: () => Promise<never>;
      readonly choose: Choose;
    },
  ) => Decision | Promise<Decision | void>;
}

/** The contents of the simulated store and broker at the end of a simulation. */
export interface World {
  readonly store: MemoryStore;
  readonly broker: MemoryBroker;
  /**
   * The failed messages that the consumer published more than once to the same exchange. Without faults, every entry
   * violates an invariant. In simulations with faults or with switches between execution environments, publishing
   * twice is allowed, and the list stays empty.
   */
  readonly repeated: readonly string[];
}

/** A copy of the state of a simulation at a moment at which no environment processes a batch. */
export interface Snapshot {
  readonly contents: Contents;
  readonly queue: readonly QueuedCopy[];
  readonly placed: ReadonlyMap<string, number>;
  readonly memories: readonly Memory[];
  /** The index of the environment that ran last, or -1 if it has crashed. */
  readonly current: number;
  readonly left: number;
  readonly switchesLeft: number;
  readonly refused: number;
  readonly returned: number;
  readonly nowMs: number;
  readonly batches: number;
  readonly isWhole: boolean;
}

const MOST_BATCHES = 60;
const MOST_BATCHES_PER_MESSAGE = 10;
const STEP_MS = 30_000;
const INVOCATION_MS = 60_000;
const READS = /\.(find|read)$/;
const START_MS = Date.parse('2026-01-01T00:00:00Z');
const settings = memorySettings({ BATCH_CONCURRENCY: '1', MESSAGE_TIME_LIMIT_MS: '1000' });

interface Environment {
  readonly prefix: string;
  readonly memory: Memory;
  handler: ReturnType<typeof createConsumer>;
  /**
   * Everything that determines how the process continues with a batch: its memory at the start of the batch, the
   * messages of the batch, and the result of each call to the store or broker.
   */
  learned: string[];
  isGone: boolean;
  batch?: readonly QueuedCopy[];
  isRunning: boolean;
  ended?: 'returned' | 'thrown' | 'crashed';
}

/**
 * Runs the real consumer with a simulated broker and store. `choose` makes all choices of the simulation, for example
 * which messages form a batch and when a process crashes.
 */
export async function runWorld(
  {
    messages,
    definition,
    faults,
    environments: count = 1,
    switches = 0,
    hasZombies = false,
    hasWholeBatches = false,
    refusals = 0,
    unroutable = 0,
    stepMs = STEP_MS,
    isInAnyOrder = false,
    prepare = () => {},
    afterStep = () => {},
    isOver = () => false,
    isExplored,
    from,
    history,
    around = (run) => run(),
  }: WorldOptions,
  choose: Choose,
): Promise<World> {
  const store = emptyStore();
  const broker = createMemoryBroker(definition.queue);
  prepare(store);
  if (from) copyContents(from.contents, { store, broker });
  const arriving: QueuedCopy[] = from ? [] : messages.map((message) => ({ message, deliveries: 0 }));
  const queue = (from?.queue ?? []).map((copy) => ({ ...copy }));
  while (arriving.length > 0)
    queue.push(...arriving.splice(isInAnyOrder && arriving.length > 1 ? choose(arriving.length) : 0, 1));
  const { delayed } = broker;
  const placed = new Map(from?.placed);
  let { left, switchesLeft, refused, returned, nowMs, batches, isWhole } = from ?? {
    left: faults,
    switchesLeft: switches,
    refused: 0,
    returned: 0,
    nowMs: START_MS,
    batches: 0,
    isWhole: false,
  };
  const clock = { now: () => nowMs };
  const isAlone = count === 1 && !hasZombies;
  const learn = (environment: Environment, ...what: unknown[]): void => {
    // A single environment is asked for its state only between two batches.
    if (isExplored && !isAlone) environment.learned.push(dataText([nowMs, ...what]));
  };

  function take(message: Message): PublishError | undefined {
    const { exchange, properties } = message;
    const isDeadLetter = exchange === definition.queue.deadLetterExchange;
    if (isDeadLetter && refused++ < refusals) return new PublishError('UNROUTABLE', 'no queue takes it');
    const isEvent = !isDeadLetter && !definition.queue.delays.some(({ name }) => name === exchange);
    if (isEvent && returned++ < unroutable) return new PublishError('UNROUTABLE', 'no queue receives the event');
    const [waiting, events] = [delayed.length, broker.events.length];
    broker.take(message, nowMs);
    // Only retry copies and dead letters are counted. A follow-up event is published again at each redelivery, and a
    // message is postponed again until the lease of a crashed process expires.
    const isPostponed = delayed.length > waiting && properties.headers[headerNames.postponed] === true;
    if (broker.events.length > events || isPostponed) return undefined;
    // After a crash or a lost answer, the consumer may publish a second retry copy or dead letter.
    if (faults > 0 || switches > 0) return undefined;
    const copy = `${idOf(message)} in ${exchange}`;
    placed.set(copy, (placed.get(copy) ?? 0) + 1);
    return undefined;
  }

  let calls: { readonly environment: Environment; readonly begin: () => void }[] = [];

  function endProcess(environment: Environment): void {
    environment.isGone = true;
    const pending = calls.filter((one) => one.environment === environment);
    calls = calls.filter((one) => one.environment !== environment);
    for (const { begin } of pending) begin();
  }

  function crash(environment: Environment): CrashedError {
    history?.step(`${environment.prefix}the process crashes`);
    environment.ended = 'crashed';
    endProcess(environment);
    return new CrashedError();
  }

  const gateOf =
    (environment: Environment): Gate =>
    async (call, run, fail) => {
      const { prefix } = environment;
      if (environment.isGone) throw new CrashedError();
      // A single environment does not need to wait for another one.
      if (!isAlone) await new Promise<void>((begin) => calls.push({ environment, begin }));
      if (environment.isGone) throw new CrashedError();
      const fate = left > 0 ? chooseFate(call) : 0;
      const text = () => prefix + describeCall(call, definition.queue);
      if (fate > 0) left -= 1;
      if (fate === 1) {
        history?.step(`${text()}: the process crashes before this step`);
        throw crash(environment);
      }
      if (fate === 2) {
        history?.step(`${text()}: this step fails and has no effect`);
        learn(environment, call, 'failed');
        return fail();
      }
      const earlier = store.commits.length;
      history?.step(text());
      const result = await run();
      history?.detail(...describeResult(call, result, store, earlier));
      afterStep(store);
      if (fate === 3) throw crash(environment);
      if (fate === 4) {
        history?.detail('the answer is lost');
        learn(environment, call, 'failed');
        return fail();
      }
      learn(environment, call, result);
      return result;
    };

  function chooseFate({ to }: Call): number {
    // Recording the progress of the queue changes nothing for a message, whether it succeeds or fails.
    if (to === 'progress.record') return 0;
    // A read has no effect. Therefore, it makes no difference whether a crash or a failure is before or after the read.
    return choose(READS.test(to) ? 3 : 5);
  }

  let created = 0;
  function newEnvironment(memory = newMemory()): Environment {
    created += 1;
    const prefix = isAlone ? '' : `environment ${created}: `;
    const environment: Environment = {
      prefix,
      memory,
      learned: [],
      handler: () => Promise.reject(new CrashedError()),
      isGone: false,
      isRunning: false,
    };
    const watched = aroundRules(definition, (run, about) => {
      if (environment.isGone) throw new CrashedError();
      const { id, attempt } = about.context;
      history?.step(`${prefix}run the rule for ${id} (attempt ${attempt})`);
      const rule = () =>
        around(run, {
          ...about,
          crash: () => Promise.reject(crash(environment)),
          choose: (ways) => {
            const way = choose(ways);
            learn(environment, 'rule', id, way);
            return way;
          },
        });
      return history ? recorded(rule, history) : rule();
    });
    const dependencies = gatedDependencies({ store, clock, settings, take }, gateOf(environment));
    environment.handler = createConsumer(watched, dependencies, environment.memory);
    return environment;
  }

  const memories = from?.memories ?? Array.from({ length: count }, newMemory);
  const environments = memories.map((memory) => newEnvironment(structuredClone(memory)));
  let current = environments[from?.current ?? -1];

  const hasCall = (environment: Environment) => calls.some((call) => call.environment === environment);

  const state = (): string =>
    withoutRandomIds(
      linesText([
        contentsText({ store, broker }),
        linesText(queue.map(copyText)),
        dataText([placed, left, switchesLeft, nowMs, batches, isWhole]),
        dataText([Math.min(refused, refusals), Math.min(returned, unroutable)]),
        ...environments.map((environment) =>
          linesText([
            dataText([environment === current, environment.isRunning]),
            environment.isRunning || hasCall(environment)
              ? linesText(environment.learned)
              : dataText(environment.memory),
            linesText((environment.batch ?? []).map(copyText)),
          ]),
        ),
        dataText(calls.map(({ environment }) => environments.indexOf(environment))),
      ]),
    );

  function snapshot(): Snapshot {
    const contents = { store: emptyStore(), broker: createMemoryBroker(definition.queue) };
    copyContents({ store, broker }, contents);
    return {
      contents,
      queue: queue.map((copy) => ({ ...copy })),
      placed: new Map(placed),
      memories: environments.map(({ memory }) => structuredClone(memory)),
      current: environments.indexOf(current!),
      left,
      switchesLeft,
      refused,
      returned,
      nowMs,
      batches,
      isWhole,
    };
  }

  const isResting = () => calls.length === 0 && !environments.some(({ isRunning }) => isRunning);

  function actions(): (() => void)[] {
    const goOn = (environment: Environment) => () => {
      current = environment;
      const index = calls.findIndex((one) => one.environment === environment);
      calls.splice(index, 1)[0]!.begin();
    };
    const waiting = [...new Set(calls.map(({ environment }) => environment))];
    const first = waiting.includes(current!) ? current! : waiting[0];
    const running = first ? [first, ...waiting.filter((one) => one !== first)].map(goOn) : [];
    const idle = environments.filter(({ isRunning }) => !isRunning);
    const startsOf = (environment: Environment) =>
      // The batch contains all messages, or only the first one.
      Array.from({ length: Math.min(queue.length, isWhole || hasWholeBatches ? 1 : 2) }, (_, way) => () => {
        start(environment, queue.splice(0, way === 0 ? queue.length : 1));
      });
    const [starts, otherStarts] = [idle.slice(0, 1), idle.slice(1)].map((some) => some.flatMap(startsOf)) as [
      (() => void)[],
      (() => void)[],
    ];
    const returns =
      delayed.length > 0 && !(isWhole && queue.length > 0)
        ? [
            () => {
              const copy = delayed.shift()!;
              history?.step(`the delay of ${copy.id} ends`);
              queue.push(copy);
            },
          ]
        : [];
    const zombies =
      hasZombies && left > 0
        ? environments
            .filter(({ isRunning, batch }) => isRunning && batch)
            .map((environment) => () => {
              left -= 1;
              history?.step(`${environment.prefix}the batch returns to the queue while it is being processed`);
              giveBack(environment, 'crashed');
              environments.push(newEnvironment());
            })
        : [];
    const switching = (others: readonly (() => void)[]) =>
      (switchesLeft > 0 ? others : []).map((action) => () => {
        switchesLeft -= 1;
        action();
      });
    return running.length === 0
      ? [...starts, ...returns, ...switching(otherStarts)]
      : [running[0]!, ...switching([...running.slice(1), ...starts, ...returns]), ...zombies];
  }

  function start(environment: Environment, batch: readonly QueuedCopy[]): void {
    batches += 1;
    nowMs += stepMs;
    current = environment;
    Object.assign(environment, { batch, isRunning: true, ended: undefined });
    const again = batch.some(({ deliveries }) => deliveries > 0) ? ' again' : '';
    history?.step(`${environment.prefix}deliver ${batch.map(({ message }) => idOf(message)).join(', ')}${again}`);
    if (!hasCall(environment)) environment.learned = [];
    learn(environment, environment.memory, batch.map(copyText));
    const endsAtMs = nowMs + INVOCATION_MS;
    const context = { getRemainingTimeInMillis: () => endsAtMs - nowMs };
    void environment.handler(eventOf(batch, definition.queue), context).then(
      () => void (environment.ended ??= 'returned'),
      () => void (environment.ended ??= 'thrown'),
    );
  }

  function giveBack(environment: Environment, how: Environment['ended']): void {
    const batch = environment.batch ?? [];
    environment.batch = undefined;
    for (const copy of batch) copy.deliveries += 1;
    const returned = queue.findLastIndex(({ deliveries }) => deliveries > 0) + 1;
    const fetched = queue.length > returned && choose(2) === 1;
    queue.splice(fetched ? queue.length : returned, 0, ...batch);
    // Without an open-batch record the messages are delivered together.
    isWhole = definition.orderBy !== undefined && how === 'crashed' && store.openBatch === undefined;
  }

  function end(environment: Environment): void {
    const how = environment.ended!;
    Object.assign(environment, { isRunning: false, ended: undefined });
    const isExtra = environment.batch === undefined && environments.length > count;
    if (isExtra || environment.isGone)
      environments.splice(environments.indexOf(environment), 1, ...(isExtra ? [] : [newEnvironment()]));
    if (environment.batch === undefined) return;
    // An acknowledgement may be lost like any answer.
    const isLost = how === 'returned' && left > 0 && choose(2) === 1;
    if (isLost) {
      left -= 1;
      history?.step(`${environment.prefix}the acknowledgement is lost`);
    }
    if (how !== 'returned' || isLost) return giveBack(environment, how);
    environment.batch = undefined;
    isWhole = false;
  }

  for (;;) {
    await setImmediate();
    const ended = environments.filter(({ ended }) => ended !== undefined);
    for (const environment of ended) end(environment);
    // Every running environment first makes its next call, or ends.
    if (environments.some((environment) => environment.isRunning && !hasCall(environment))) continue;
    const possible = isOver() || isExplored?.(state, isResting() ? snapshot : undefined) ? [] : actions();
    if (possible.length === 0) break;
    if (batches > MOST_BATCHES + messages.length * MOST_BATCHES_PER_MESSAGE)
      throw new Error(
        `the simulated run does not end: ${queue.length} messages are still in the queue, and ${delayed.length} in the delay queues`,
      );
    possible[possible.length > 1 ? choose(possible.length) : 0]!();
  }
  for (const environment of environments) endProcess(environment);
  // The code of the ended processes must not log anything after the run.
  await setImmediate();
  return {
    store,
    broker,
    repeated: [...placed].filter(([, copies]) => copies > 1).map(([copy]) => copy),
  };
}
