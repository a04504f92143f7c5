import type * as z from 'zod';

import { createConsumer, type Consumer, type ConsumerDefinition } from '../consumer/consumer.ts';
import { decode, type Delivery } from '../consumer/delivery.ts';
import { BatchUnfinishedError, type BatchReport } from '../consumer/report.ts';
import { isEqual } from '../dynamodb/compare.ts';
import type { KeyOf, KeyTypes, Table } from '../dynamodb/tables.ts';
import { toMap } from '../dynamodb/value.ts';
import type { EventDefinition } from '../events/define.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Headers, Message, Properties } from '../events/message.ts';
import { eventMessage } from '../events/publish.ts';
import type { FollowUp } from '../inbox/decision.ts';
import { formatDuration } from '../runtime/duration.ts';
import { errorCodes } from '../runtime/errors.ts';
import { describeEffect, show, showItem, showPlace } from './describe.ts';
import { eventOf, type QueuedCopy } from './event.ts';
import { ExpectationError } from './expectation-error.ts';
import { gatedParts, memorySettings, type Gate } from './gated-parts.ts';
import { describeCall, describeResult, History } from './history.ts';
import { createMemoryBroker, idOf } from './memory-broker.ts';
import { emptyStore } from './memory-store.ts';
import { muted } from './mute.ts';
import { Received, type Fate, type PublishedEvent } from './received.ts';
import { aroundRules, CrashedError, recorded } from './rules.ts';
import { attributesOf, giveItem, storedItems, type ItemInput, type StoredItems } from './stored-items.ts';

/** The handler that `consumer` has returned, or the definition of a consumer. */
export type Consumable = Consumer | ConsumerDefinition<any>;

export interface ReceiveOptions {
  /** The message id. By default, the id consists of the type of the event and a number, such as `order.created#1`. */
  readonly id?: string;
  /**
   * What takes too long: the business rule, which then exceeds the time limit of the message, or the Lambda invocation,
   * which then ends before the business rule can start.
   */
  readonly runsOutOfTime?: 'rule' | 'invocation';
}

/** A message of another producer, with its AMQP properties. */
export interface ForeignMessage extends Omit<Properties, 'headers'> {
  /** The body. Text and bytes are sent unchanged, and any other value is sent as JSON. */
  readonly body: unknown;
  readonly headers?: Headers;
}

/** A consumer in memory: the real consumer with a store, a broker and a clock in memory. */
export interface TestConsumer extends StoredItems {
  /** Stores an item, as if it had been written before. */
  given<K extends KeyTypes, S extends z.ZodObject | undefined>(
    table: Table<K, S>,
    key: KeyOf<K>,
    item: ItemInput<K, S>,
  ): TestConsumer;
  /** Publishes an event and delivers its message to the consumer. */
  receive<T>(event: EventDefinition<T>, data: T, options?: ReceiveOptions): Promise<Received>;
  /** Publishes several events and delivers their messages in one batch. `emit(event, data)` creates an entry. */
  receiveBatch(events: readonly FollowUp[]): Promise<Received[]>;
  /** Delivers a message of another producer to the consumer. */
  receiveMessage(message: ForeignMessage): Promise<Received>;
  /** Delivers a message again, as the broker does if the acknowledgement of the message is lost. */
  redeliver(message: Received, options?: Omit<ReceiveOptions, 'id'>): Promise<Received>;
  /** Waits until the delay of a retried or postponed message has passed, and delivers the waiting copy of the message. */
  retry(message: Received, options?: Omit<ReceiveOptions, 'id'>): Promise<Received>;
  /**
   * Throws an error unless the stored item has exactly these attributes besides its key. `undefined` means that there must
   * be no item.
   */
  expectItem<K extends KeyTypes, S extends z.ZodObject | undefined>(
    table: Table<K, S>,
    key: KeyOf<K>,
    expected: ItemInput<K, S> | undefined,
  ): void;
  /** Every step so far, one line for each step and each detail. */
  readonly history: readonly string[];
}

const START_MS = Date.parse('2026-01-01T00:00:00Z');
const INVOCATION_MS = 60_000;
/** The time limit of a business rule that runs out of time. */
const SHORT_LIMIT = '5ms';

/** A modelled Lambda execution environment. */
interface Process {
  readonly handler: ReturnType<typeof createConsumer>;
  isGone: boolean;
}

/** A consumer in memory that crashes once, after the step with the number `crashAfter`. */
export function createTestConsumer(consumable: Consumable, crashAfter = 0) {
  const definition = definitionOf(consumable);
  const { queue } = definition;
  const settings = memorySettings({});
  const store = emptyStore();
  const broker = createMemoryBroker(queue);
  const history = new History();
  let nowMs = START_MS;
  const clock = { now: () => nowMs };
  let [sent, points] = [0, 0];
  let crashedAfter: string | undefined;
  const copies = new WeakMap<Received, QueuedCopy>();

  function newProcess(isSlow = false): Process {
    let lastStep = '';
    const begin = (step: string) => {
      if (process.isGone) throw new CrashedError();
      lastStep = step;
      history.step(step);
    };
    const end = () => {
      points += 1;
      if (points !== crashAfter) return;
      process.isGone = true;
      crashedAfter = lastStep;
      throw new CrashedError();
    };
    const gate: Gate = async (call, run) => {
      begin(describeCall(call, queue));
      const earlier = store.commits.length;
      const result = await run();
      history.detail(...describeResult(call, result, store, earlier));
      end();
      return result;
    };
    const watched = aroundRules(
      isSlow ? { ...definition, timeLimit: SHORT_LIMIT } : definition,
      (run, { context: { id, attempt } }) => {
        begin(`run the rule for ${id} (attempt ${attempt})`);
        const decision = recorded(run, history);
        const isAsync = 'then' in Object(decision);
        if (isSlow) {
          history.detail('the rule takes longer than its time limit');
          Promise.resolve(decision).catch(() => {});
          return new Promise<never>(() => {});
        }
        if (isAsync) return (decision as Promise<any>).then((decided) => (end(), decided));
        end();
        return decision;
      },
    );
    const take = (message: Message) => broker.take(message, nowMs);
    const process: Process = {
      handler: createConsumer(watched, gatedParts({ store, clock, settings, take }, gate)),
      isGone: false,
    };
    return process;
  }
  let current = newProcess();

  async function invoke(
    batch: readonly QueuedCopy[],
    { runsOutOfTime }: ReceiveOptions,
  ): Promise<{ report: BatchReport; isReturned: boolean } | undefined> {
    const process = runsOutOfTime === 'rule' ? newProcess(true) : current;
    const endsAtMs = runsOutOfTime === 'invocation' ? nowMs : nowMs + INVOCATION_MS;
    const context = { getRemainingTimeInMillis: () => endsAtMs - nowMs };
    try {
      const report = await process.handler(eventOf(batch, queue), context);
      return process.isGone ? undefined : { report, isReturned: false };
    } catch (error) {
      if (process.isGone) return undefined;
      if (error instanceof BatchUnfinishedError) return { report: error.report, isReturned: true };
      throw error;
    }
  }

  /** Delivers a batch, and after a crash delivers it again, until the consumer has settled it. */
  async function deliver(batch: readonly QueuedCopy[], options: ReceiveOptions = {}): Promise<Received[]> {
    const [commitsBefore, eventsBefore] = [store.commits.length, broker.events.length];
    const deliveries = decode(eventOf(batch, queue), definition.identify);
    const names = deliveries.map(nameOf).join(', ');
    let hasCrashed = false;
    let commitsOfDelivery = commitsBefore;
    let ended: Awaited<ReturnType<typeof invoke>>;
    for (;;) {
      const again = batch.some((copy) => copy.deliveries > 0) ? ' again' : '';
      history.step(`deliver ${names}${again}`);
      commitsOfDelivery = store.commits.length;
      ended = await invoke(batch, hasCrashed ? {} : options);
      for (const copy of batch) copy.deliveries += 1;
      if (ended !== undefined) break;
      hasCrashed = true;
      history.step('the process crashes');
      current = newProcess();
    }
    const { report, isReturned } = ended;
    const fates = fatesOf(deliveries, report, new Set(store.commits.slice(commitsOfDelivery).map(({ id }) => id)));
    return Promise.all(
      deliveries.map(async (delivery, index) => {
        const fate = hasCrashed ? recordedFate(delivery, fates[index]!) : fates[index]!;
        if (hasCrashed && fate.outcome === 'postponed') return untilUnleased(nameOf(delivery), batch[index]!);
        const ofMessage = store.commits.slice(commitsBefore).filter(({ id }) => id === delivery.id);
        const received = new Received(
          {
            ...fate,
            id: nameOf(delivery),
            attempt: delivery.envelope.attempt,
            effects: ofMessage.flatMap(({ effects }) => effects),
            events: eventsOf(delivery, eventsBefore),
            settlement: isReturned ? 'returned' : settlementOf(fate, delivery),
          },
          () => history.lines,
        );
        copies.set(received, batch[index]!);
        return received;
      }),
    );
  }

  /** After a crash, a message can wait for the lease of the crashed process. Delivers the waiting copy of the message. */
  async function untilUnleased(id: string, copy: QueuedCopy): Promise<Received> {
    const waiting = takeDelayed(id);
    const [received] = await deliver([waiting[0] ?? copy]);
    return received!.outcome === 'postponed' ? untilUnleased(id, waiting[0] ?? copy) : received!;
  }

  /** Removes the copies of a message from the delay queues, and waits until their delays have passed. */
  function takeDelayed(id: string) {
    const waiting = broker.delayed.filter((copy) => copy.id === id);
    for (const copy of waiting) broker.delayed.splice(broker.delayed.indexOf(copy), 1);
    nowMs = Math.max(nowMs, ...waiting.map(({ dueMs }) => dueMs));
    return waiting;
  }

  /** Returns the outcome of a message whose consumer has crashed, from the inbox record of the message. */
  function recordedFate(delivery: Delivery, fate: Ended): Ended {
    const marker = delivery.id && store.markers.get(delivery.id);
    if (fate.outcome !== 'duplicate' || !marker || marker.state === 'leased') return fate;
    if ('events' in marker) return { outcome: marker.state, reason: marker.reason };
    const outcome = marker.state === 'retrying' ? 'retry' : 'dead-letter';
    return { outcome, reason: marker.code, error: marker.message };
  }

  function settlementOf({ outcome }: Ended, { id }: Delivery): Fate['settlement'] {
    if (outcome === 'dead-letter') return 'dead-lettered';
    if (outcome !== 'retry' && outcome !== 'postponed') return 'acknowledged';
    const delayed = broker.delayed.findLast((copy) => copy.id === id);
    return `delayed by ${formatDuration(delayed!.delayMs)}`;
  }

  function eventsOf({ id }: Delivery, eventsBefore: number): PublishedEvent[] {
    const marker = id && store.markers.get(id);
    if (!marker || !('events' in marker)) return [];
    const published = new Set(broker.events.slice(eventsBefore).map(idOf));
    return marker.events
      .filter((event) => published.has(event.id))
      .map(({ id: eventId, type, version, data }) => ({ id: eventId, type, version, data }));
  }

  const publish = (event: EventDefinition<any>, data: unknown, id = `${event.type}#${++sent}`): QueuedCopy => {
    const options = { id: id as MessageId, appId: settings.SERVICE_NAME, publishedAtMs: nowMs };
    return { message: eventMessage(event, data, options), deliveries: 0 };
  };

  const consumer: TestConsumer = {
    ...storedItems(store),
    given(table, key, item) {
      giveItem(store, table, key, item);
      history.step(`given: ${describeEffect(table.put(key, item))}`);
      return consumer;
    },
    async receive(event, data, options) {
      const [received] = await muted(() => deliver([publish(event, data, options?.id)], options));
      return received!;
    },
    receiveBatch: (events) => muted(() => deliver(events.map(({ event, data }) => publish(event, data)))),
    async receiveMessage({ body, headers = {}, ...properties }) {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const message = { body: bytes, properties: { ...properties, headers } };
      const [received] = await muted(() => deliver([{ message, deliveries: 0 }]));
      return received!;
    },
    async redeliver(message, options) {
      const [received] = await muted(() => deliver([copyOf(message)], options));
      return received!;
    },
    async retry(message, options) {
      copyOf(message);
      const waiting = takeDelayed(message.id);
      if (waiting.length === 0)
        throw new Error(
          `the message ${message.id} does not wait for a retry: its outcome is ${message.outcome}, and its settlement is ${message.settlement}`,
        );
      const received: Received[] = [];
      for (const copy of waiting) received.push(...(await muted(() => deliver([copy], options))));
      return received.find(({ outcome }) => outcome !== 'duplicate') ?? received[0]!;
    },
    expectItem(table, key, expected) {
      const { key: attributes, item } = attributesOf(store, table, key);
      const wanted = expected && { ...attributes, ...toMap('', expected) };
      if (wanted === undefined ? item === undefined : item !== undefined && isEqual({ M: wanted }, { M: item })) return;
      const difference = `expected ${showItem(wanted, attributes)}, but it is ${showItem(item, attributes)}`;
      const subject = `the item ${showPlace(table.name, attributes)}`;
      throw new ExpectationError(subject, [difference], history.lines, consumer.expectItem);
    },
    get history() {
      return history.lines;
    },
  };

  function copyOf(message: Received): QueuedCopy {
    const copy = copies.get(message);
    if (copy === undefined) throw new Error(`this consumer has not received the message ${show(message)}`);
    return copy;
  }

  return {
    consumer,
    /** Returns after how many steps the process can crash. */
    points: () => points,
    /** Returns the step after which the process has crashed. */
    crashedAfter: () => crashedAfter,
  };
}

/** Returns the definition of a consumer. Throws an error if the value is neither a consumer nor its definition. */
export function definitionOf(consumable: Consumable): ConsumerDefinition<any> {
  const definition = 'definition' in consumable ? consumable.definition : consumable;
  if (typeof definition === 'object' && typeof definition.queue?.name === 'string') return definition;
  throw new TypeError(
    'this is not a consumer: pass the handler that the function "consumer" returned, or the definition of a consumer',
  );
}

type Ended = Pick<Fate, 'outcome' | 'reason'> & { readonly error?: string };

const nameOf = ({ id }: Delivery): string => id ?? '(a message without an id)';

/** Returns the outcome of each message of a batch, from the report of the batch. */
function fatesOf(deliveries: readonly Delivery[], report: BatchReport, committed: Set<string>): Ended[] {
  const left = [...report.notCompleted];
  return deliveries.map(({ id }): Ended => {
    const index = left.findIndex((one) => one.id === (id ?? null));
    if (index < 0) return { outcome: id !== undefined && committed.delete(id) ? 'completed' : 'duplicate' };
    const [{ outcome, code, message }] = left.splice(index, 1) as [(typeof left)[0]];
    return { outcome, reason: code, error: message || (errorCodes as Record<string, string>)[code] };
  });
}

/**
 * Creates a consumer in memory for a unit test. The handler runs as on AWS, but its store, its broker and its clock are in
 * memory.
 */
export const testConsumer = (consumable: Consumable): TestConsumer => createTestConsumer(consumable).consumer;
