import { setImmediate } from 'node:timers/promises';

import { exchanges } from '../support/example/topology.ts';
import type { Message, Properties } from '../../lib/events/message.ts';
import type { Publisher } from '../../lib/events/publish.ts';
import { readAllSettings } from '../../lib/settings.ts';
import { createConsumer, type ConsumerDefinition } from '../../lib/consumer/consumer.ts';
import type { ConsumerParts, ConsumerPorts } from '../../lib/consumer/parts.ts';
import type { RuleContext } from '../../lib/consumer/rule.ts';
import { PublishError, StoreUnavailableError } from '../../lib/runtime/errors.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import type { AuditResult } from '../faults/invariants.ts';
import { aRecord, anEvent } from '../support/delivery.ts';
import { auditModel } from './audit-model.ts';
import type { Choose } from './explore.ts';
import { emptyStore, memoryPorts } from '../../lib/testing/memory-store.ts';
import type { ModelMessage } from './model-message.ts';

/** A copy of a message in a queue of the modelled broker. */
interface Copy {
  readonly id: MessageId;
  readonly body: Buffer;
  readonly type: string;
  readonly headers: Properties['headers'];
  /** How often the modelled broker has already delivered this copy. */
  deliveries: number;
}

export interface ModelOptions {
  readonly messages: readonly ModelMessage[];
  readonly definition: ConsumerDefinition<any>;
  /** The maximum number of faults in one run. A fault can happen at any call to the store or the broker. */
  readonly faults: number;
  /** The number of execution environments that consume the queue at the same time; the default is 1. */
  readonly environments?: number;
  /**
   * How many times the model may switch to another execution environment in one run although the current one could
   * continue.
   */
  readonly switches?: number;
  /**
   * Whether the event source may return a batch to the queue while the batch is still being processed. This counts as a
   * fault.
   */
  readonly hasZombies?: boolean;
  /** Whether every batch contains all messages that are in the queue. */
  readonly hasWholeBatches?: boolean;
  /**
   * How often the dead-letter exchange refuses a message in one run. After a refusal, the whole batch is redelivered.
   */
  readonly refusals?: number;
  /** How far the simulated clock advances at the start of each batch, in ms. By default, every lease expires at once. */
  readonly stepMs?: number;
  /** Lists of message ids. The messages in each list must be completed in the order of the list. */
  readonly order?: readonly (readonly MessageId[])[];
}

const MOST_STEPS = 60;
const STEP_MS = 30_000;
const INVOCATION_MS = 60_000;
const settings = readAllSettings({ LOG_LEVEL: 'ERROR', BATCH_CONCURRENCY: '1', MESSAGE_TIME_LIMIT_MS: '1000' });

/** A modelled Lambda execution environment: a process that keeps its memory from batch to batch until it crashes. */
interface Environment {
  handler: ReturnType<typeof createConsumer>;
  isGone: boolean;
  /**
   * The batch that the environment is processing; `undefined` after the event source has returned this batch to the
   * queue.
   */
  batch?: readonly Copy[];
  isRunning: boolean;
  ended?: 'returned' | 'thrown' | 'crashed';
}

/**
 * Runs the real consumer with a modelled broker and store, and returns the audit of the run. The function `choose`
 * decides what happens, for example when a process crashes.
 */
export async function runModel(
  {
    messages,
    definition,
    faults,
    environments: count = 1,
    switches = 0,
    hasZombies = false,
    hasWholeBatches = false,
    refusals = 0,
    stepMs = STEP_MS,
    order = [],
  }: ModelOptions,
  choose: Choose,
): Promise<AuditResult> {
  const store = emptyStore();
  const queue: Copy[] = messages.flatMap((message) =>
    Array.from({ length: message.copies ?? 1 }, () => copyOf(message)),
  );
  const delayed: Copy[] = [];
  const deadLetters = new Map<string, MessageId>();
  const emitted = new Set<string>();
  const killers = new Set(messages.filter(({ isKiller }) => isKiller).map(({ id }) => id));
  const unsure = new Set(messages.filter(({ endsEitherWay }) => endsEitherWay).map(({ id }) => id));
  const placed = new Map<string, number>();
  let left = faults;
  let switchesLeft = switches;
  let refused = 0;
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const clock = { now: () => nowMs };
  const isAlone = count === 1 && !hasZombies;

  // A message waits in several delay queues, one after another, until a lease of a crashed process expires.
  const mayRepeat = ({ properties }: Message) =>
    'perform' in definition && properties.headers['surehop-postponed'] === true;

  function take(message: Message): void {
    const { headers, messageId, type = '' } = message.properties;
    const copy = `${messageId} in ${message.exchange}`;
    // A follow-up event is published again at each redelivery, under the same id; it is not a handoff.
    if (message.exchange !== exchanges.library && !mayRepeat(message)) placed.set(copy, (placed.get(copy) ?? 0) + 1);
    if (message.exchange.startsWith('retry.'))
      delayed.push({ id: messageId as MessageId, body: message.body, type, headers, deliveries: 0 });
    else if (message.exchange === definition.queue.deadLetterExchange)
      deadLetters.set(headers['surehop-dead-letter-id'] as string, messageId as MessageId);
    else emitted.add(messageId!);
  }

  /**
   * The calls to the store and the broker that a modelled process has made and that have not taken effect yet, oldest
   * first.
   */
  let calls: { readonly environment: Environment; readonly begin: () => void }[] = [];
  const never = () => new Promise<never>(() => {});

  /** Simulates the crash of a process: none of its calls to the store or the broker starts or returns any more. */
  function crash(environment: Environment): Promise<never> {
    environment.isGone = true;
    environment.ended = 'crashed';
    calls = calls.filter((one) => one.environment !== environment);
    return never();
  }

  /**
   * Makes one call to the store or the broker. The process may crash, or the call may fail, before or after the call
   * takes effect.
   */
  async function call<T>(environment: Environment, run: () => Promise<T>, fail: () => T | Promise<T>): Promise<T> {
    if (environment.isGone) return never();
    // A single environment does not need to wait for another one.
    if (!isAlone) await new Promise<void>((begin) => calls.push({ environment, begin }));
    const fate = left > 0 ? choose(5) : 0;
    if (fate > 0) left -= 1;
    if (fate === 1) return crash(environment);
    if (fate === 2) return fail();
    const result = await run();
    if (fate === 3) return crash(environment);
    return fate === 4 ? fail() : result;
  }

  const unavailable = async (): Promise<never> => {
    throw new StoreUnavailableError();
  };
  const ports = memoryPorts(store, clock);
  const portsOf = (environment: Environment) => {
    const wrapped = (port: object) =>
      Object.fromEntries(
        Object.entries(port).map(([name, method]) => [
          name,
          (...args: unknown[]) =>
            call(
              environment,
              () => (method as (...all: unknown[]) => Promise<unknown>)(...args),
              name === 'commit' ? () => unknown(args) : unavailable,
            ),
        ]),
      );
    return Object.fromEntries(
      Object.entries(ports).map(([name, port]) => [name, wrapped(port)]),
    ) as unknown as ConsumerPorts;
  };
  const publisherOf = (environment: Environment): Publisher => ({
    publish: async () => {},
    publishAll: (sent) =>
      call<(PublishError | undefined)[]>(
        environment,
        async () => {
          return sent.map((message) => {
            if (message.exchange === definition.queue.deadLetterExchange && refused++ < refusals)
              return new PublishError('UNROUTABLE', 'no queue takes it');
            take(message);
            return undefined;
          });
        },
        () => sent.map(() => new PublishError('UNCONFIRMED', 'no answer', { indeterminate: true })),
      ),
    close: async () => {},
  });
  const decide = 'decide' in definition ? definition.decide : undefined;
  const perform = 'perform' in definition ? definition.perform : undefined;

  function newEnvironment(): Environment {
    const environment: Environment = { handler: async () => never(), isGone: false, isRunning: false };
    const killing =
      <R>(rule: (event: unknown, context: RuleContext) => R) =>
      (event: unknown, context: RuleContext) => {
        if (killers.has(context.id)) return crash(environment);
        if (unsure.has(context.id) && choose(2) === 1)
          throw new Error('the message fails in this execution environment');
        return rule(event, context);
      };
    const killingDefinition = {
      ...definition,
      ...(decide && { decide: killing(decide) }),
      ...(perform && { perform: killing(perform) }),
    } as typeof definition;
    const parts: ConsumerParts = {
      ...portsOf(environment),
      publisher: publisherOf(environment),
      archiveLetter: () =>
        Promise.reject(
          new Error('the consumer archived a message as too large, but no message of the model is too large'),
        ),
      clock,
      settings,
      read: async () => undefined,
    };
    environment.handler = createConsumer(killingDefinition, parts);
    return environment;
  }

  const environments = Array.from({ length: count }, newEnvironment);
  let current: Environment | undefined;
  let isWhole = false;
  let steps = 0;

  /**
   * Lists the actions that can happen next in the model. The first action does not switch to another execution
   * environment.
   */
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
      delayed.length > 0 && !(isWhole && queue.length > 0) ? [() => void queue.push(delayed.shift()!)] : [];
    const zombies =
      hasZombies && left > 0
        ? environments
            .filter(({ isRunning, batch }) => isRunning && batch)
            .map((environment) => () => {
              left -= 1;
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

  function start(environment: Environment, batch: readonly Copy[]): void {
    steps += 1;
    nowMs += stepMs;
    current = environment;
    Object.assign(environment, { batch, isRunning: true, ended: undefined });
    const records = batch.map(({ id, body, type, headers, deliveries }) =>
      aRecord({
        id,
        type,
        raw: body,
        redelivered: deliveries > 0,
        headers: { ...headers, 'x-acquired-count': deliveries },
      }),
    );
    const endsAtMs = nowMs + INVOCATION_MS;
    const context = { getRemainingTimeInMillis: () => endsAtMs - nowMs };
    void environment.handler(anEvent(records, definition.queue.name), context).then(
      () => void (environment.ended ??= 'returned'),
      () => void (environment.ended ??= 'thrown'),
    );
  }

  /** Returns the batch of an execution environment to the queue. */
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
    if (environment.isGone) environments.splice(environments.indexOf(environment), 1, newEnvironment());
    if (environment.batch === undefined) return retire(environment);
    // An acknowledgement may be lost like any answer.
    const isLost = how === 'returned' && left > 0 && choose(2) === 1;
    if (isLost) left -= 1;
    if (how !== 'returned' || isLost) return giveBack(environment, how);
    environment.batch = undefined;
    isWhole = false;
  }

  /** Removes an execution environment after another one has replaced it. */
  function retire(environment: Environment): void {
    if (environments.length > count) environments.splice(environments.indexOf(environment), 1);
  }

  for (;;) {
    // After this wait, every running environment has made its next call or has ended.
    await setImmediate();
    const ended = environments.filter(({ ended }) => ended !== undefined);
    for (const environment of ended) end(environment);
    if (isAlone && environments[0]!.isRunning) continue;
    const possible = actions();
    if (possible.length === 0) break;
    if (steps > MOST_STEPS)
      throw new Error(
        `the run does not end: ${queue.length} messages are in the queue, ${delayed.length} in the delay queues`,
      );
    possible[possible.length > 1 ? choose(possible.length) : 0]!();
  }
  // Without crashes and lost answers no message is handed off twice, however often the copy of another message is refused.
  const multiplied =
    faults > 0 || switches > 0 ? [] : [...placed].filter(([, copies]) => copies > 1).map(([copy]) => copy);
  const audited = auditModel({ messages, store, deadLetters, emitted, order, queueName: definition.queue.name });
  return { ...audited, unexpected: [...audited.unexpected, ...multiplied] };
}

/**
 * Returns what a commit reports when the response of the store is lost: every message of the commit is unfinished,
 * because the store may or may not have applied its effects.
 */
const unknown = ([, entries]: unknown[]) =>
  (entries as unknown[]).map(() => ({ is: 'unfinished', error: new StoreUnavailableError() }));

const copyOf = ({ id, type, body }: ModelMessage): Copy => ({
  id,
  type,
  body: Buffer.from(JSON.stringify(body)),
  headers: {},
  deliveries: 0,
});
