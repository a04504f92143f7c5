import type { Structure } from './json-form.ts';

/**
 * A header's value. A string, and a `Buffer` where its bytes are not UTF-8, is a long string in AMQP (`S`). Lists, tables and
 * dates that arrived with a delivery are carried on as a `Structure`.
 */
export type HeaderValue = string | number | boolean | null | Buffer | Structure;

export type Headers = Readonly<Record<string, HeaderValue>>;

/** The AMQP basic properties that travel with a message, except the delivery mode: messages are always persistent. */
export interface Properties {
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly type?: string;
  readonly appId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly replyTo?: string;
  readonly priority?: number;
  /** Seconds since the epoch; a text that arrived and is not a readable date stays that text. */
  readonly timestamp?: number | string;
  readonly headers: Headers;
}

/** A message as it is published. */
export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Properties;
}
