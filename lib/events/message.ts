import type { Structure } from './json-form.ts';

/**
 * The value of a message header. An AMQP string becomes a `Buffer` if its bytes are not UTF-8; lists, tables and dates
 * are kept as a `Structure`.
 */
export type HeaderValue = string | number | boolean | null | Buffer | Structure;

export type Headers = Readonly<Record<string, HeaderValue>>;

/**
 * The AMQP basic properties of a message. There is no delivery mode, because Surehop always publishes persistent messages.
 */
export interface Properties {
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly type?: string;
  readonly appId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly replyTo?: string;
  readonly priority?: number;
  /**
   * The AMQP timestamp in seconds since the epoch, or its original text if the timestamp of a delivered message cannot
   * be parsed.
   */
  readonly timestamp?: number | string;
  readonly headers: Headers;
}

/** A message to publish. */
export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Properties;
}
