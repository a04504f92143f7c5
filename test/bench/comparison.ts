import type { SQSEvent } from 'aws-lambda';

import type { RabbitMqEvent } from '../../lib/consume/delivery.ts';
import { dynamoDbClient } from '../../lib/inbox/client.ts';
import type { Publisher } from '../../lib/broker/publisher.ts';
import { orders, plenty, rabbitMqEvent, record, stockUp, type OrderMessage } from './batches.ts';
import { powertoolsConsumer, sqsEvent } from './consumers/powertools.ts';
import { surehopConsumer } from './consumers/surehop.ts';
import type { Bench } from './protocol.ts';
import { openClient, type CountingClient, type Latency } from './store.ts';
import { inTurns } from './turns.ts';

export const BATCH = 100;
const BATCHES_A_TURN = 5;
const TURNS = 2;

export interface ComparisonOptions {
  readonly skus: number;
  readonly latency?: Latency;
  /** Pieces of each SKU that are there; plenty where nothing is said. */
  readonly available?: (n: number) => number;
  /** Messages of each batch that are done before it, as a share; marked as redelivered unless said otherwise. */
  readonly duplicates?: number;
  readonly isMarked?: boolean;
  readonly publisher?: Publisher;
  readonly reject?: Parameters<typeof powertoolsConsumer>[1];
}

/** What both consumers took for the same batches, each on a fresh store of its own. */
export interface Comparison {
  /** Time of Powertools by that of Surehop. */
  readonly ratio: number;
  readonly surehop: Spent;
  readonly powertools: Spent;
}

export interface Spent {
  readonly cpuUs: number;
  readonly requests: number;
  readonly messages: number;
}

/** A consumer with a store and batches of its own. */
interface Side<Event> {
  readonly store: CountingClient;
  readonly events: Event[];
  work(event: Event): Promise<void>;
}

/** Measures both consumers, batch by batch in turn. */
export async function compare(bench: Bench, options: ComparisonOptions): Promise<Comparison> {
  const { skus, duplicates = 0, isMarked = true } = options;
  const batches = Array.from({ length: TURNS * BATCHES_A_TURN }, (_, n) => orders(BATCH, skus, n * BATCH));
  // Spread over the batch, so that every SKU has some.
  const isKnown = (n: number) => Math.floor((n + 1) * duplicates) > Math.floor(n * duplicates);
  const known = batches.flatMap((batch) => batch.filter((_, n) => isKnown(n)));
  const toRabbitMq = (batch: readonly OrderMessage[]) =>
    rabbitMqEvent(batch.map((order, n) => record(order, isMarked && isKnown(n))));

  const surehop = await surehopSide(bench, options, batches.map(toRabbitMq));
  const powertools = await powertoolsSide(bench, options, batches.map(sqsEvent));
  for (let start = 0; start < known.length; start += BATCH) {
    const before = known.slice(start, start + BATCH);
    await surehop.work(rabbitMqEvent(before.map((order) => record(order))));
    await powertools.work(sqsEvent(before));
  }

  const spent = { surehop: aTally(surehop.store), powertools: aTally(powertools.store) };
  const took = await inTurns(
    {
      surehop: () => spent.surehop.during(() => workOn(surehop)),
      powertools: () => spent.powertools.during(() => workOn(powertools)),
    },
    TURNS,
  );
  surehop.store.client.destroy();
  powertools.store.client.destroy();
  return {
    ratio: took.powertools / took.surehop,
    surehop: spent.surehop.total(),
    powertools: spent.powertools.total(),
  };
}

async function workOn<Event>({ events, work }: Side<Event>): Promise<void> {
  for (const event of events.splice(0, BATCHES_A_TURN)) await work(event);
}

async function stocked(
  bench: Bench,
  { skus, latency, available = plenty }: ComparisonOptions,
  create?: Parameters<typeof openClient>[2],
): Promise<CountingClient> {
  const endpoint = await bench.freshStore();
  await stockUp(openClient(endpoint).client, skus, available);
  return openClient(endpoint, latency, create);
}

async function surehopSide(
  bench: Bench,
  options: ComparisonOptions,
  events: RabbitMqEvent[],
): Promise<Side<RabbitMqEvent>> {
  const store = await stocked(bench, options, dynamoDbClient);
  const consume = surehopConsumer(store.client, options.publisher);
  return {
    store,
    events,
    async work(event) {
      const { counts } = await consume(event);
      const done = counts.completed + counts.rejected + counts.duplicate;
      const expected = Object.values(event.rmqMessagesByQueue).flat().length;
      if (done !== expected) throw new Error(`${expected} messages went in; this came out: ${JSON.stringify(counts)}`);
    },
  };
}

async function powertoolsSide(bench: Bench, options: ComparisonOptions, events: SQSEvent[]): Promise<Side<SQSEvent>> {
  const store = await stocked(bench, options);
  const consume = powertoolsConsumer(store.client, options.reject);
  return {
    store,
    events,
    async work(event) {
      const { batchItemFailures } = await consume(event);
      if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} messages failed`);
    },
  };
}

function aTally({ requests }: CountingClient) {
  let [cpuUs, asked, turns] = [0, 0, 0];
  return {
    async during(work: () => Promise<void>): Promise<void> {
      const before = requests();
      const cpu = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(cpu);
      cpuUs += user + system;
      asked += requests() - before;
      turns += 1;
    },
    total: (): Spent => ({ cpuUs, requests: asked, messages: turns * BATCHES_A_TURN * BATCH }),
  };
}
