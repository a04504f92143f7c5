import type { Structure } from './json-form.ts';

/**
 * The value of a header. AMQP's long string (`S`) is a string, or a `Buffer` if its bytes are not UTF-8. Lists, tables and dates
 * of a delivered message are kept as a `Structure`.
 */
export type HeaderValue = string | number | boolean | null | Buffer | Structure;

export type Headers = Readonly<Record<string, HeaderValue>>;

/** The AMQP basic properties of a message. The delivery mode is missing because messages are always persistent. */
export interface Properties {
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly type?: string;
  readonly appId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly replyTo?: string;
  readonly priority?: number;
  /** Seconds since the epoch, or the text of a delivered timestamp that is not a readable date. */
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
