/** A header value as AMQP tables hold it. Bytes that are no UTF-8 stay bytes. */
export type HeaderValue =
  string | number | boolean | null | Buffer | readonly HeaderValue[] | { readonly [key: string]: HeaderValue };

export type Headers = Readonly<Record<string, HeaderValue>>;

/** The AMQP basic properties that travel with a message, but for delivery mode: it is always persistent. */
export interface Properties {
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly type?: string;
  readonly appId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly replyTo?: string;
  readonly priority?: number;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  readonly headers: Headers;
}

/** A message as it is published. */
export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Properties;
}
