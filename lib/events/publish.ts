import { hash } from 'node:crypto';

import type { PublishError } from '../runtime/errors.ts';
import type { EventDefinition } from './define.ts';
import { headerNames } from './envelope.ts';
import type { Message } from './message.ts';
import type { MessageId } from './message-id.ts';
import { nextSpan, type Trace } from './trace.ts';

/** Publishes messages and waits until the broker confirms them. */
export interface Publisher {
  /**
   * Publishes a message, and sends it again if the connection is lost. Resolves when the broker confirms that at least
   * one durable queue has stored the message. Rejects with a `PublishError` after `deadlineMs` at the latest.
   */
  publish(message: Message, deadlineMs?: number): Promise<void>;
  /**
   * Publishes many messages, with a limited number of unconfirmed messages at a time. `deadlineMs` is called for each
   * message when it is sent, and returns how long its publish may take, in ms. The result has one entry per message: an
   * error, or `undefined` if the broker confirmed the message.
   */
  publishAll(messages: readonly Message[], deadlineMs?: () => number): Promise<(PublishError | undefined)[]>;
  close(): Promise<void>;
}

/** The options for publishing one event. */
export interface EventOptions {
  readonly id: MessageId;
  /** The AMQP property `correlation-id` of the event. The default is the id of the event. */
  readonly correlationId?: string;
  /**
   * The key that decides which shard receives the event. The default is the key that the event definition computes from
   * the data. An event that was stored in DynamoDB is published with the key that was stored with it.
   */
  readonly key?: string;
  /** The trace to which the event belongs. By default the event starts a new trace. */
  readonly trace?: Partial<Trace>;
}

/** Publishes an event. Resolves when the broker has confirmed the message. */
export type PublishEvent = <T>(event: EventDefinition<T>, data: T, options: EventOptions) => Promise<void>;

export function eventMessage<T>(
  event: Pick<EventDefinition<T>, 'type' | 'version' | 'exchange' | 'key'>,
  data: T,
  {
    id,
    correlationId = id,
    key = event.key?.(data),
    trace = {},
    appId,
    publishedAtMs,
  }: EventOptions & { readonly appId: string; readonly publishedAtMs: number },
): Message {
  const { traceparent, tracestate, baggage } = nextSpan(trace);
  return {
    exchange: event.exchange,
    routingKey: event.type,
    body: Buffer.from(JSON.stringify(data)),
    properties: {
      messageId: id,
      correlationId,
      type: event.type,
      appId,
      contentType: 'application/json',
      timestamp: Math.floor(publishedAtMs / 1_000),
      headers: {
        [headerNames.exchange]: event.exchange,
        [headerNames.routingKey]: event.type,
        [headerNames.publishedAt]: new Date(publishedAtMs).toISOString(),
        [headerNames.schemaVersion]: event.version,
        ...(key !== undefined && { [headerNames.key]: shortKey(key) }),
        traceparent,
        ...(tracestate && { tracestate }),
        ...(baggage && { baggage }),
      },
    },
  };
}

const MAX_KEY_BYTES = 4_096;

/** Returns the value of the header `surehop-key` for the given key of an event. */
export const shortKey = (key: string) =>
  Buffer.byteLength(key) <= MAX_KEY_BYTES ? key : `sha256:${hash('sha256', key)}`;
