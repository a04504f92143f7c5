import type { Options } from 'amqplib';

/** A document that describes the behaviour of Amazon MQ's event source. */
interface Source {
  readonly document: string;
  /**
   * Whether `document` states the behaviour that the conformance case expects (`documented`), or the behaviour is only a
   * conclusion from `document` (`inferred`).
   */
  readonly basis: 'documented' | 'inferred';
}

interface PublishedMessage {
  readonly body: Uint8Array;
  /** The AMQP properties of the published message, in the format of the library amqplib. */
  readonly properties?: Options.Publish;
}

/** What the Lambda function of a conformance case does in one invocation: it returns a value, or it fails. */
export type Answer = { readonly return: unknown } | { readonly fail: 'throw' | 'exit' | 'time out' };

/**
 * A batch that the function must receive: the bodies of its messages as text, and whether the messages are redelivered.
 */
interface ExpectedBatch {
  readonly bodies: readonly string[];
  readonly redelivered: boolean;
}

interface CommonCase {
  /** The behaviour that the conformance case requires of the event source, in one sentence. */
  readonly title: string;
  readonly sources: readonly Source[];
  /** The messages in the queue when the event source starts. */
  readonly messages: readonly PublishedMessage[];
}

/** A conformance case that compares each field of the Lambda event for one message with its expected value. */
export interface EventCase extends CommonCase {
  /**
   * The expected values of the fields in the event's `basicProperties`. Fields that are not listed must be null, except
   * `bodySize`, which must be the length of the body.
   */
  readonly basicProperties: Readonly<Record<string, unknown>>;
}

/**
 * A conformance case about how an event source divides messages into batches, and what it does after each invocation.
 */
export interface BatchCase extends CommonCase {
  readonly batchSize?: number;
  readonly maximumBatchingWindowInSeconds?: number;
  /**
   * What the Lambda function does in each of its first invocations, in order. In all later invocations, the function
   * returns null.
   */
  readonly answers?: readonly Answer[];
  readonly batches: readonly ExpectedBatch[];
  /** How many messages the case expects in the queue after the event source has stopped. The default is 0. */
  readonly left?: number;
}

export type ConformanceCase = EventCase | BatchCase;

export const BROKER_USER = '<broker user>';

const GUIDE = 'https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html';
const documentedIn = (document: string): Source => ({ document, basis: 'documented' });
const inferredFrom = (document: string): Source => ({ document, basis: 'inferred' });

const guide = documentedIn(GUIDE);
const parameters = documentedIn('https://docs.aws.amazon.com/lambda/latest/dg/services-mq-params.html');
const errors = documentedIn('https://docs.aws.amazon.com/lambda/latest/dg/services-mq-errors.html');
const batching = documentedIn(
  'https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching',
);
const mappingApi = documentedIn('https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html');
/**
 * The document from which the cases infer the format of string headers. Lambda's event source apparently serializes the
 * objects of RabbitMQ's Java client, in which a string header has a field `bytes` with an array of signed bytes.
 */
const javaClient = inferredFrom(
  'https://rabbitmq.github.io/rabbitmq-java-client/api/current/com/rabbitmq/client/LongString.html',
);
const messageOrder = documentedIn('https://www.rabbitmq.com/docs/queues#message-ordering');

const bytesOf = (text: string) => ({ bytes: [...Buffer.from(text)].map((byte) => (byte << 24) >> 24) });
const aMessage = (body: string, properties?: Options.Publish): PublishedMessage => ({
  body: Buffer.from(body),
  properties,
});
const bodies = (...texts: string[]) => texts.map((text) => aMessage(text));
const first = (...texts: string[]): ExpectedBatch => ({ bodies: texts, redelivered: false });
const again = (...texts: string[]): ExpectedBatch => ({ bodies: texts, redelivered: true });

const MEGABYTE = 1024 * 1024;
const large = (megabytes: number, letter: string) => letter.repeat(megabytes * MEGABYTE);

const NEVER = 300;

const DOCUMENTED_TIME = 2_021;

const eventCases: readonly EventCase[] = [
  {
    title: 'the record of a message contains the properties and headers in the form of the event that AWS documents',
    sources: [guide],
    messages: [
      aMessage('{"timeout":0,"data":"CZrmf0Gw8Ov4bqLQxD4E"}', {
        contentType: 'text/plain',
        headers: { header1: 'value1', header2: 'value2', numberInHeader: 10 },
        deliveryMode: 1,
        priority: 34,
        expiration: '60000',
        timestamp: DOCUMENTED_TIME,
        userId: BROKER_USER,
      }),
    ],
    basicProperties: {
      contentType: 'text/plain',
      headers: { header1: bytesOf('value1'), header2: bytesOf('value2'), numberInHeader: 10 },
      deliveryMode: 1,
      priority: 34,
      expiration: '60000',
      timestamp: 'Jan 1, 1970, 12:33:41 AM',
      userId: BROKER_USER,
    },
  },
  {
    title: 'in the record of a message without properties, every property is null except deliveryMode and bodySize',
    sources: [guide],
    messages: [aMessage('Hello World 1', { persistent: true })],
    basicProperties: { deliveryMode: 2 },
  },
  {
    title: 'the record of a message contains every text property unchanged',
    sources: [guide],
    messages: [
      aMessage('{}', {
        persistent: true,
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        correlationId: 'correlation-1',
        replyTo: 'replies',
        expiration: '3600000',
        messageId: 'message-1',
        type: 'order.created',
        appId: 'shop',
      }),
    ],
    basicProperties: {
      deliveryMode: 2,
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      correlationId: 'correlation-1',
      replyTo: 'replies',
      expiration: '3600000',
      messageId: 'message-1',
      type: 'order.created',
      appId: 'shop',
    },
  },
  {
    title: 'the data of a record is the body in base64, also if the body is not text',
    sources: [guide],
    messages: [{ body: Uint8Array.from({ length: 256 }, (_, byte) => byte), properties: { persistent: true } }],
    basicProperties: { deliveryMode: 2 },
  },
  {
    title: 'the data of a record is an empty text if the body of the message is empty',
    sources: [guide],
    messages: [aMessage('', { persistent: true })],
    basicProperties: { deliveryMode: 2 },
  },
  {
    title: 'a timestamp after noon is written with PM and without a time zone, in UTC',
    sources: [inferredFrom(GUIDE)],
    messages: [aMessage('x', { persistent: true, timestamp: Date.UTC(2026, 10, 22, 12, 0, 5) / 1_000 })],
    basicProperties: { deliveryMode: 2, timestamp: 'Nov 22, 2026, 12:00:05 PM' },
  },
  {
    title: 'a string header that is not ASCII is written as an array of signed bytes in UTF-8',
    sources: [javaClient],
    messages: [aMessage('x', { persistent: true, headers: { utf8: 'é€', empty: '' } })],
    basicProperties: {
      deliveryMode: 2,
      headers: { utf8: { bytes: [-61, -87, -30, -126, -84] }, empty: { bytes: [] } },
    },
  },
  {
    title: 'headers that are numbers, booleans or void are written as JSON numbers, booleans and null',
    sources: [inferredFrom(GUIDE)],
    messages: [
      aMessage('x', {
        persistent: true,
        headers: { negative: -7, large: 1_784_541_234_567, fraction: 0.25, yes: true, no: false, nothing: null },
      }),
    ],
    basicProperties: {
      deliveryMode: 2,
      headers: { negative: -7, large: 1_784_541_234_567, fraction: 0.25, yes: true, no: false, nothing: null },
    },
  },
  {
    title: 'headers that are tables or arrays are written as JSON objects and arrays of header values',
    sources: [javaClient],
    messages: [
      aMessage('x', {
        persistent: true,
        headers: { table: { inner: { deep: 'x' } }, list: [1, 'a', [true]], deaths: [{ count: 2, reason: 'expired' }] },
      }),
    ],
    basicProperties: {
      deliveryMode: 2,
      headers: {
        table: { inner: { deep: bytesOf('x') } },
        list: [1, bytesOf('a'), [true]],
        deaths: [{ count: 2, reason: bytesOf('expired') }],
      },
    },
  },
];

const batchCases: readonly BatchCase[] = [
  {
    title: 'the event lists the messages under the name of the queue, two colons and the name of the virtual host',
    sources: [guide],
    batchSize: 2,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', 'b'),
    batches: [first('a', 'b')],
  },
  {
    title:
      'a batch is complete when it has the configured number of messages, even before the batching window has passed',
    sources: [batching, messageOrder],
    batchSize: 3,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', 'b', 'c', 'd', 'e', 'f', 'g'),
    batches: [first('a', 'b', 'c'), first('d', 'e', 'f')],
    left: 1,
  },
  {
    title: 'a batch is complete when the batching window has passed, even if it has fewer messages than configured',
    sources: [batching],
    batchSize: 10_000,
    maximumBatchingWindowInSeconds: 2,
    messages: bodies('a', 'b'),
    batches: [first('a', 'b')],
  },
  {
    title: 'a batch has 100 messages if no batch size is configured',
    sources: [parameters],
    maximumBatchingWindowInSeconds: NEVER,
    messages: Array.from({ length: 101 }, (_, index) => aMessage(String(index))),
    batches: [first(...Array.from({ length: 100 }, (_, index) => String(index)))],
    left: 1,
  },
  {
    title: 'a smaller batch than configured is delivered if no batching window is configured',
    sources: [parameters],
    batchSize: 10,
    messages: bodies('a'),
    batches: [first('a')],
  },
  {
    title: 'a batch is complete before its payload would exceed 6 MB',
    sources: [batching],
    batchSize: 10,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies(large(2, 'a'), large(2, 'b'), large(2, 'c'), large(2, 'd'), large(2, 'e')),
    batches: [first(large(2, 'a'), large(2, 'b')), first(large(2, 'c'), large(2, 'd'))],
    left: 1,
  },
  {
    title: 'a message whose record exceeds 6 MB is dropped, and the messages around it are delivered',
    sources: [errors],
    batchSize: 2,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', large(5, 'x'), 'b'),
    batches: [first('a', 'b')],
  },
  {
    title: 'the messages of a batch leave the queue when the function succeeds, whatever value the function returns',
    sources: [guide],
    batchSize: 2,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', 'b'),
    answers: [{ return: { statusCode: 500, body: 'failed' } }],
    batches: [first('a', 'b')],
  },
  {
    title: 'batchItemFailures in the result of the function are ignored, and all messages of the batch leave the queue',
    sources: [mappingApi],
    batchSize: 2,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', 'b'),
    answers: [{ return: { batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: 'b' }] } }],
    batches: [first('a', 'b')],
  },
  {
    title: 'when the function throws an error, the whole batch is delivered again until the function succeeds',
    sources: [guide],
    batchSize: 3,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', 'b', 'c'),
    answers: [{ fail: 'throw' }, { fail: 'throw' }],
    batches: [first('a', 'b', 'c'), again('a', 'b', 'c'), again('a', 'b', 'c')],
  },
  {
    title: 'when the function times out, the whole batch is delivered again',
    sources: [guide],
    batchSize: 2,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', 'b'),
    answers: [{ fail: 'time out' }],
    batches: [first('a', 'b'), again('a', 'b')],
  },
  {
    title: 'when the process of the function exits, the whole batch is delivered again',
    sources: [guide],
    batchSize: 2,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', 'b'),
    answers: [{ fail: 'exit' }],
    batches: [first('a', 'b'), again('a', 'b')],
  },
  {
    title: 'the function processes one batch at a time',
    sources: [guide],
    batchSize: 1,
    maximumBatchingWindowInSeconds: NEVER,
    messages: bodies('a', 'b', 'c', 'd'),
    batches: [first('a'), first('b'), first('c'), first('d')],
  },
];

/** All cases of the suite. */
export const conformanceCases: readonly ConformanceCase[] = [...eventCases, ...batchCases];
