// This process runs one of the compared consumers. Each consumer has its own process, so that garbage collection for
// one does not slow down the other.
import type { SQSEvent } from 'aws-lambda';

import { eventMessage } from '../../lib/events/publish.ts';
import type { RabbitMqEvent } from '../../lib/message/delivery.ts';
import { dynamoDbClient } from '../../lib/dynamodb/client.ts';
import { deriveId } from '../../lib/events/message-id.ts';
import type { Tracing } from '../../lib/runtime/tracing.ts';
import { openTelemetry } from '../../lib/tracing/opentelemetry.ts';
import { startSdk } from '../../lib/tracing/sdk.ts';
import { orderRejected } from '../../functions/orders/events.ts';
import { totalOf } from '../../functions/orders/total.ts';
import { rabbitMqEvent, record, type OrderMessage } from './batches.ts';
import { powertoolsConsumer, sqsEvent } from './consumers/powertools.ts';
import { requestsOf, sender } from './consumers/prepared.ts';
import { surehopConsumer } from './consumers/surehop.ts';
import { openRaw } from './publishers/raw.ts';
import { openSurehop } from './publishers/surehop.ts';
import { openClient, type CountingClient, type Latency } from './store.ts';

export type SideName = 'surehop' | 'powertools' | 'prepared' | TracedName;

/** For each benchmark process that measures tracing, the sampling ratio of its Surehop consumer, from 0 to 1. */
export const sampledShares = { traced0: 0, traced10: 0.1, traced100: 1 } as const;

type TracedName = keyof typeof sampledShares;

/**
 * The batches that the consumer of one benchmark process will process, and the addresses of the DynamoDB and RabbitMQ
 * servers that it uses.
 */
export interface Task {
  readonly endpoint: string;
  readonly latency?: Latency;
  /**
   * The AMQP URI of the broker to which the consumer publishes one event for each rejected order. Only needed if the
   * batches contain orders that the business rule rejects.
   */
  readonly amqpUrl?: string;
  /**
   * The URL of the OTLP receiver to which Surehop's consumer exports its spans, if the consumer has an OpenTelemetry
   * SDK.
   */
  readonly otlpUrl?: string;
  /** Whether the Powertools consumer uses its local cache of completed messages. */
  readonly isCached?: boolean;
  readonly batches: readonly (readonly (OrderMessage & { readonly redelivered?: boolean })[])[];
}

export interface Spent {
  readonly ms: number;
  readonly cpuUs: number;
  readonly requests: number;
}

export type Command = { readonly open: Task } | { readonly turn: number };

export type Answer = Spent | { readonly error: string };

interface OpenConsumer {
  readonly store: Pick<CountingClient, 'requests'>;
  next(): Promise<void>;
  close(): Promise<unknown>;
}

const sides: Readonly<Record<SideName, (task: Task) => Promise<OpenConsumer>>> = {
  surehop: (task) => surehop(task),
  powertools,
  prepared,
  traced0: traced,
  traced10: traced,
  traced100: traced,
};
const [, , name] = process.argv as [string, string, SideName];
let consumer: OpenConsumer | undefined;
let isRegistered = false;

process.on('message', (command: Command) => {
  const answer = 'open' in command ? open(command.open) : turn(command.turn);
  answer.then(
    (spent) => process.send!(spent satisfies Answer),
    (error: unknown) => process.send!({ error: String(error) } satisfies Answer),
  );
});

async function open(task: Task): Promise<Spent> {
  // The virtual host of the previous task may no longer exist.
  await consumer?.close().catch(() => {});
  consumer = await sides[name](task);
  return { ms: 0, cpuUs: 0, requests: 0 };
}

async function turn(batches: number): Promise<Spent> {
  const { store, next } = consumer!;
  const before = store.requests();
  const cpu = process.cpuUsage();
  const startedAtMs = performance.now();
  for (let n = 0; n < batches; n += 1) await next();
  const ms = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuUs: user + system, requests: store.requests() - before };
}

/**
 * Runs Surehop's consumer with an OpenTelemetry SDK. Registers the SDK only at the first call, because a process can
 * register it only once.
 */
function traced(task: Task): Promise<OpenConsumer> {
  if (!isRegistered) {
    const sampledShare = sampledShares[name as TracedName];
    const labels = { serviceName: 'bench', stage: 'local', functionName: 'bench' };
    startSdk({ endpoint: task.otlpUrl!, sampledShare, ...labels });
    isRegistered = true;
  }
  return surehop(task, openTelemetry());
}

async function surehop({ endpoint, latency, amqpUrl, batches }: Task, tracing?: Tracing): Promise<OpenConsumer> {
  const store = openClient(endpoint, latency, (options) => dynamoDbClient(options, tracing));
  const publisher = amqpUrl === undefined ? undefined : openSurehop(amqpUrl);
  const consume = surehopConsumer(store.client, publisher, tracing);
  const events: RabbitMqEvent[] = batches.map((batch) =>
    rabbitMqEvent(batch.map((order) => record(order, order.redelivered))),
  );
  return {
    store,
    async next() {
      const event = events.shift()!;
      const { counts } = await consume(event);
      const expected = Object.values(event.rmqMessagesByQueue).flat().length;
      if (counts.completed + counts.rejected + counts.duplicate !== expected)
        throw new Error(
          `expected all ${expected} messages of a batch to be completed, rejected or duplicates, but got the outcomes ${JSON.stringify(counts)}`,
        );
    },
    async close() {
      store.client.destroy();
      await publisher?.close();
    },
  };
}

async function powertools({ endpoint, latency, amqpUrl, isCached, batches }: Task): Promise<OpenConsumer> {
  const store = openClient(endpoint, latency);
  const raw = amqpUrl ? await openRaw(amqpUrl) : undefined;
  const reject = raw && ((order: Rejected) => raw.publish(rejectionOf(order)));
  const consume = powertoolsConsumer(store.client, reject, isCached);
  const events: SQSEvent[] = batches.map(sqsEvent);
  return {
    store,
    async next() {
      const { batchItemFailures } = await consume(events.shift()!);
      if (batchItemFailures.length > 0)
        throw new Error(`Powertools failed to process ${batchItemFailures.length} messages`);
    },
    async close() {
      store.client.destroy();
      await raw?.close();
    },
  };
}

/**
 * Records the DynamoDB requests of Surehop's consumer, so that the benchmark can send and measure the recorded requests
 * without running the consumer.
 */
async function prepared({ endpoint, latency, batches }: Task): Promise<OpenConsumer> {
  const waves = await requestsOf(batches.map((batch) => rabbitMqEvent(batch.map((order) => record(order)))));
  const store = sender(endpoint, latency);
  return {
    store,
    next: () => store.send(waves.shift()!),
    close: async () => store.close(),
  };
}

type Rejected = Parameters<NonNullable<Parameters<typeof powertoolsConsumer>[1]>>[0];

function rejectionOf(order: Rejected) {
  const { orderId, customerId, currency } = order;
  const data = { orderId, customerId, currency, total: totalOf(order), reason: 'OUT_OF_STOCK' as const };
  return eventMessage(orderRejected, data, {
    id: deriveId(orderId, orderRejected.type, '0'),
    correlationId: orderId,
    appId: 'bench',
    publishedAtMs: Date.now(),
  });
}
