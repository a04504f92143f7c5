import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect, type ConfirmChannel } from 'amqplib';
import { NoAnswerError, percentDecoded, within } from 'surehop/amqp';

import { BROKER_USER, type BatchCase, type ConformanceCase, type EventCase } from './cases.ts';
import { observeFunction, type ObservedFunction } from './function.ts';

/** The event source mapping that the emulator under test has to create. */
export interface Mapping {
  readonly eventSourceArn: string;
  /** The address of the broker, with a login and a virtual host. */
  readonly amqpUrl: string;
  readonly queue: string;
  readonly virtualHost: string;
  /** The maximum number of messages in a batch. If absent, the emulator uses its own default. */
  readonly batchSize?: number;
  /** How long messages are collected for a batch, in seconds. If absent, the emulator uses its own default. */
  readonly maximumBatchingWindowInSeconds?: number;
  /** The timeout of the Lambda function, in seconds. */
  readonly timeoutSeconds: number;
  /** The path of the module that exports the Lambda function as `handler`. */
  readonly handlerFile: string;
}

/** A running event source mapping. */
export interface RunningEventSource {
  /**
   * Stops the event source. Resolves after the current batch is settled, and after all other received messages are
   * returned to the queue.
   */
  stop(): Promise<void>;
}

export interface ConformanceOptions {
  /** The address of a running RabbitMQ. The suite declares its queues in the virtual host of this address. */
  readonly amqpUrl: string;
  /** Starts the emulator under test with one event source mapping. */
  readonly start: (mapping: Mapping) => Promise<RunningEventSource>;
  /** How long the suite waits for the expected invocations before a case fails, in ms. The default is one minute. */
  readonly timeLimitMs?: number;
}

const ARN = 'arn:aws:mq:us-west-2:112556298976:broker:test:b-9bcfa592-423a-4942-879d-eb284b418fc8';

// The event source waits for the current invocation, whose time limit is at most one minute.
const STOP_LIMIT_MS = 90_000;

const timeoutOf = ({ answers = [] }: BatchCase): number =>
  answers.some((answer) => 'fail' in answer && answer.fail === 'time out') ? 5 : 60;

/**
 * Runs one case against an emulator. Throws an `AssertionError` if the emulator does not behave as the case expects.
 */
export async function runConformanceCase(
  one: ConformanceCase,
  { amqpUrl, start, timeLimitMs = 60_000 }: ConformanceOptions,
): Promise<void> {
  const { username, pathname } = new URL(amqpUrl);
  const user = percentDecoded(username) || 'guest';
  const virtualHost = percentDecoded(pathname.slice(1)) || '/';
  const queue = `conformance-${randomUUID()}`;
  const connection = await connect(amqpUrl);
  const observed = await observeFunction('batches' in one ? (one.answers ?? []) : []);
  try {
    const channel = await connection.createConfirmChannel();
    leaveOutEmptyHeaders(channel);
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    for (const { body, properties } of one.messages)
      channel.sendToQueue(queue, Buffer.from(body), withUser(properties ?? { persistent: true }, user));
    await channel.waitForConfirms();
    const source = await start({
      eventSourceArn: ARN,
      amqpUrl,
      queue,
      virtualHost,
      ...('batches' in one
        ? {
            batchSize: one.batchSize,
            maximumBatchingWindowInSeconds: one.maximumBatchingWindowInSeconds,
            timeoutSeconds: timeoutOf(one),
          }
        : { batchSize: 1, timeoutSeconds: 60 }),
      handlerFile: observed.handlerFile,
    });
    try {
      await invocations(observed, 'batches' in one ? one.batches.length : 1, timeLimitMs);
    } finally {
      await stopped(source);
    }
    const key = `${queue}::${virtualHost}`;
    if ('batches' in one) compareBatches(observed, one, key);
    else compareEvent(observed, one, key, user);
    const left = await takeAll(channel, queue);
    assert.equal(left, 'batches' in one ? (one.left ?? 0) : 0, 'the number of messages that are left in the queue');
    await channel.deleteQueue(queue);
  } finally {
    await observed.close();
    await connection.close();
  }
}

/**
 * Stops the event source. Fails if the event source does not stop in time, because the conformance suite would
 * otherwise run forever.
 */
async function stopped(source: RunningEventSource): Promise<void> {
  try {
    await within(STOP_LIMIT_MS, source.stop());
  } catch (error) {
    if (error instanceof NoAnswerError) assert.fail(`stop() has not resolved within ${STOP_LIMIT_MS} ms`);
    throw error;
  }
}

async function invocations({ events }: ObservedFunction, count: number, timeLimitMs: number): Promise<void> {
  const deadline = performance.now() + timeLimitMs;
  while (events.length < count && performance.now() < deadline) await sleep(20);
}

function compareEvent(
  { events }: ObservedFunction,
  { messages, basicProperties }: EventCase,
  key: string,
  user: string,
) {
  const nothing = Object.fromEntries(PROPERTIES.map((name) => [name, null]));
  const records = messages.map(({ body }) => ({
    basicProperties: withUser({ ...nothing, ...basicProperties, bodySize: body.length }, user),
    redelivered: false,
    data: Buffer.from(body).toString('base64'),
  }));
  assert.deepEqual(events, [{ eventSource: 'aws:rmq', eventSourceArn: ARN, rmqMessagesByQueue: { [key]: records } }]);
}

interface EventOfFunction {
  readonly rmqMessagesByQueue: Readonly<
    Record<string, readonly { readonly redelivered: boolean; readonly data: string }[]>
  >;
}

function compareBatches({ events, concurrency }: ObservedFunction, { batches, batchSize }: BatchCase, key: string) {
  const received = (events as readonly EventOfFunction[]).map(({ rmqMessagesByQueue }) => {
    assert.deepEqual(Object.keys(rmqMessagesByQueue), [key], 'the key of the messages in the event');
    const records = rmqMessagesByQueue[key]!;
    return {
      bodies: shortened(records.map(({ data }) => Buffer.from(data, 'base64').toString())),
      redelivered: [...new Set(records.map(({ redelivered }) => redelivered))],
    };
  });
  // RabbitMQ may deliver the messages of a returned batch in another order.
  const expected = batches.map(({ bodies, redelivered }) => ({
    bodies: shortened(bodies),
    redelivered: [redelivered],
  }));
  const inOrder = (batch: (typeof expected)[number]) =>
    batch.redelivered.includes(true) ? { ...batch, bodies: batch.bodies.toSorted() } : batch;
  assert.deepEqual(
    received.map(inOrder),
    expected.map(inOrder),
    `the batches (batch size ${batchSize ?? 'by default'})`,
  );
  assert.equal(concurrency(), 1, 'the number of invocations at the same time');
}

/** Shortens long message bodies, so that the error text of a failed comparison stays readable. */
const shortened = (bodies: readonly string[]) =>
  bodies.map((body) => (body.length > 100 ? `${body.length} characters ${body[0]}` : body));

const PROPERTIES = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const;

const withUser = <T extends object>(properties: T, userId: string): T =>
  'userId' in properties && properties.userId === BROKER_USER ? { ...properties, userId } : properties;

interface SendingChannel {
  sendMessage(fields: object, properties: { headers?: object }, content: Buffer): boolean;
}

function leaveOutEmptyHeaders(channel: ConfirmChannel): void {
  const sending = channel as unknown as SendingChannel;
  const { sendMessage } = sending;
  sending.sendMessage = (fields, properties, content) => {
    const isEmpty = properties.headers && Object.getPrototypeOf(properties.headers) === null;
    return sendMessage.call(channel, fields, isEmpty ? { ...properties, headers: undefined } : properties, content);
  };
}

async function takeAll(channel: ConfirmChannel, queue: string): Promise<number> {
  let taken = 0;
  while (await channel.get(queue, { noAck: true })) taken += 1;
  return taken;
}
