import type * as z from 'zod';

import type { Consumer, ConsumerDefinition } from '../consumer/consumer.ts';
import { isEqual } from '../dynamodb/compare.ts';
import type { KeyOf, KeyTypes, Table } from '../dynamodb/tables.ts';
import { toMap } from '../dynamodb/value.ts';
import type { EventDefinition } from '../events/define.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Headers, Properties } from '../events/message.ts';
import { eventMessage } from '../events/publish.ts';
import type { FollowUp } from '../inbox/decision.ts';
import { parseDuration } from '../runtime/duration.ts';
import { describeEffect, showItem, showPlace } from './describe.ts';
import type { QueuedCopy } from './event.ts';
import { ExpectationError } from './expectation-error.ts';
import { createMemoryConsumer, type DeliveryOptions, type MemoryConsumer } from './memory-consumer.ts';
import { muted } from './mute.ts';
import type { Received } from './received.ts';
import { attributesOf, giveItem, storedItems, type ItemInput, type StoredItems } from './stored-items.ts';

/** The handler that `consumer` has returned, or the definition of a consumer. */
export type Consumable = Consumer | ConsumerDefinition<any>;

export interface ReceiveOptions extends DeliveryOptions {
  /** The message id. By default, the id consists of the type of the event and a number, such as `order.created#1`. */
  readonly id?: string;
  /**
   * The time between the publication and the delivery of the event, such as `10m` or `25h`. By default, the event is
   * delivered immediately.
   */
  readonly age?: string;
}

/** A message, with its AMQP properties, that a publisher other than Surehop sends. */
export interface ForeignMessage extends Omit<Properties, 'headers'> {
  /** The body of the message. Text and bytes are sent unchanged, and any other value is sent as JSON. */
  readonly body: unknown;
  readonly headers?: Headers;
}

/** An in-memory consumer: the real consumer with an in-memory store, an in-memory broker and a simulated clock. */
export interface TestConsumer extends StoredItems {
  /** Writes an item directly to the in-memory store, so that the item exists before a message is received. */
  given<K extends KeyTypes, S extends z.ZodObject | undefined>(
    table: Table<K, S>,
    key: KeyOf<K>,
    item: ItemInput<K, S>,
  ): TestConsumer;
  /** Publishes an event and delivers its message to the consumer. */
  receive<T>(event: EventDefinition<T>, data: T, options?: ReceiveOptions): Promise<Received>;
  /**
   * Publishes several events and delivers their messages in one batch. Create each element of `events` with
   * `emit(event, data)`.
   */
  receiveBatch(events: readonly FollowUp[]): Promise<Received[]>;
  /** Delivers a message to the consumer as if a publisher that does not use Surehop had sent it. */
  receiveMessage(message: ForeignMessage): Promise<Received>;
  /** Delivers a message again, as the broker does if the acknowledgement of the message is lost. */
  redeliver(message: Received, options?: DeliveryOptions): Promise<Received>;
  /** Waits until the delay of a retried or postponed message has passed, and delivers the waiting copy of the message. */
  retry(message: Received, options?: DeliveryOptions): Promise<Received>;
  /**
   * Throws an error unless the stored item consists of its key and exactly the attributes in `expected`. `undefined`
   * means that there must be no item.
   */
  expectItem<K extends KeyTypes, S extends z.ZodObject | undefined>(
    table: Table<K, S>,
    key: KeyOf<K>,
    expected: ItemInput<K, S> | undefined,
  ): void;
  /**
   * The steps of the test so far, as lines of text. A step can have further, indented lines with details, such as the
   * changes of a commit.
   */
  readonly history: readonly string[];
}

/**
 * Returns the definition of a consumer. Throws an error if the value is neither a consumer nor the definition of a
 * consumer.
 */
export function definitionOf(consumable: Consumable): ConsumerDefinition<any> {
  const definition = 'definition' in consumable ? consumable.definition : consumable;
  if (typeof definition === 'object' && typeof definition.queue?.name === 'string') return definition;
  throw new TypeError(
    'this is not a consumer: pass the handler that the function "consumer" returned, or the definition of a consumer',
  );
}

export function toTestConsumer(memory: MemoryConsumer): TestConsumer {
  const { store, history } = memory;
  let sent = 0;

  function publish(
    event: EventDefinition<any>,
    data: unknown,
    { id = `${event.type}#${++sent}`, age }: ReceiveOptions = {},
  ): QueuedCopy {
    const ageMs = age === undefined ? 0 : parseDuration(age);
    if (ageMs === undefined) throw new Error(`the age "${age}" must be a duration such as "10m" or "25h"`);
    const options = { id: id as MessageId, appId: 'test', publishedAtMs: memory.nowMs() - ageMs };
    return { message: eventMessage(event, data, options), deliveries: 0 };
  }

  const consumer: TestConsumer = {
    ...storedItems(store),
    given(table, key, item) {
      giveItem(store, table, key, item);
      history.step(`given: ${describeEffect(table.put(key, item))}`);
      return consumer;
    },
    async receive(event, data, options) {
      const [received] = await muted(() => memory.deliver([publish(event, data, options)], options));
      return received!;
    },
    receiveBatch: (events) => muted(() => memory.deliver(events.map(({ event, data }) => publish(event, data)))),
    async receiveMessage({ body, headers = {}, ...properties }) {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const message = { body: bytes, properties: { ...properties, headers } };
      const [received] = await muted(() => memory.deliver([{ message, deliveries: 0 }]));
      return received!;
    },
    async redeliver(message, options) {
      const [received] = await muted(() => memory.deliver([memory.copyOf(message)], options));
      return received!;
    },
    async retry(message, options) {
      memory.copyOf(message);
      const waiting = memory.takeDelayed(message.id);
      if (waiting.length === 0)
        throw new Error(
          `the message ${message.id} does not wait for a retry: its outcome is ${message.outcome}, and its settlement is ${message.settlement}`,
        );
      const received: Received[] = [];
      for (const copy of waiting) received.push(...(await muted(() => memory.deliver([copy], options))));
      return received.find(({ outcome }) => outcome !== 'duplicate') ?? received[0]!;
    },
    expectItem(table, key, expected) {
      const { key: attributes, item } = attributesOf(store, table, key);
      const wanted = expected && { ...attributes, ...toMap('', expected) };
      if (wanted === undefined ? item === undefined : item !== undefined && isEqual({ M: wanted }, { M: item })) return;
      const difference = `expected ${showItem(wanted, attributes)}, but it is ${showItem(item, attributes)}`;
      const headline = `the item ${showPlace(table.name, attributes)} is not as expected`;
      throw new ExpectationError(headline, [difference], history.lines, consumer.expectItem);
    },
    get history() {
      return history.lines;
    },
  };

  return consumer;
}

/**
 * Creates an in-memory consumer for a unit test. The handler runs the same code as on AWS, but with an in-memory store,
 * an in-memory broker and a simulated clock.
 */
export const testConsumer = (consumable: Consumable): TestConsumer =>
  toTestConsumer(createMemoryConsumer(definitionOf(consumable)));
