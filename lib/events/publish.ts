import { hash } from 'node:crypto';

import type { PublishError } from '../runtime/errors.ts';
import { serviceSettings } from '../runtime/service-settings.ts';
import type { Surehop } from '../runtime/surehop.ts';
import type { EventDefinition } from './define.ts';
import { headerNames } from './envelope.ts';
import type { Message } from './message.ts';
import type { MessageId } from './message-id.ts';
import { nextSpan, type Trace } from './trace.ts';

/** Sends messages to the broker and waits for its confirms. */
export interface Publisher {
  /**
   * Resolves once the broker has confirmed that at least one durable queue has the message. Rejects with a `PublishError` after
   * `deadlineMs` at the latest. After a lost connection the message is sent again, with the same id, while there is time.
   */
  publish(message: Message, deadlineMs?: number): Promise<void>;
  /** Publishes many messages, with a limit on unconfirmed ones. The result has one entry per message: its error, if any. */
  publishAll(messages: readonly Message[], deadlineMs?: number): Promise<(PublishError | undefined)[]>;
  close(): Promise<void>;
}

/** What the caller of `publishEvent` decides about one event. */
export interface EventOptions {
  readonly id: MessageId;
  /** The event's own id by default. */
  readonly correlationId?: string;
  /** The key of the event, where it cannot be computed because the event was read from the store. */
  readonly key?: string;
  /** The trace that the event continues; without one a new trace starts. */
  readonly trace?: Partial<Trace>;
}

/** Publishes an event; resolves once the broker has confirmed its message. */
export type PublishEvent = <T>(event: EventDefinition<T>, data: T, options: EventOptions) => Promise<void>;

export function eventPublisher({ clock, settings }: Surehop, publisher: Publisher): PublishEvent {
  const { SERVICE_NAME: appId } = settings(serviceSettings);
  return (event, data, options) =>
    publisher.publish(eventMessage(event, data, { ...options, appId, publishedAtMs: clock.now() }));
}

/** Builds the message of an event; the only place where the envelope of a new message is written. */
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
  const { traceparent, tracestate } = nextSpan(trace);
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
      },
    },
  };
}

/** A longer key is replaced by its hash, because all headers must fit into one AMQP frame. */
const MAX_KEY_BYTES = 4_096;

const shortKey = (key: string) => (Buffer.byteLength(key) <= MAX_KEY_BYTES ? key : `sha256:${hash('sha256', key)}`);
