import { orders, plenty, stockUp } from './batches.ts';
import type { Bench } from './protocol.ts';
import type { Spent, Task } from './side.ts';
import { sideOf } from './side-process.ts';
import { openClient, type Latency } from './store.ts';

const BATCH = 100;
const BATCHES_A_TURN = 10;
const TURNS = 2;

export interface ComparisonOptions {
  readonly skus: number;
  readonly latency?: Latency;
  /** Returns the initial stock of the SKU with the number `n`. By default, no SKU sells out. */
  readonly available?: (n: number) => number;
  /** The share of already completed messages in each batch, from 0 to 1. */
  readonly duplicates?: number;
  readonly isMarked?: boolean;
  /** Whether Surehop and Powertools lose their in-memory caches before the measurement starts. */
  readonly isForgotten?: boolean;
  /** Whether Powertools uses its local cache of completed messages. Powertools does not use this cache by default. */
  readonly isCached?: boolean;
  /** Whether to also measure how long DynamoDB alone takes to answer Surehop's requests, without a consumer. */
  readonly withRequestsAlone?: boolean;
  /**
   * The AMQP URI of the broker to which the consumer publishes one event for each rejected order. Only needed if the
   * batches contain orders that the business rule rejects.
   */
  readonly amqpUrl?: string;
}

/** The time, processor time and DynamoDB requests that Surehop and Powertools need for the same batches. */
export interface Comparison {
  /** The processing time with Powertools, divided by the processing time with Surehop. */
  readonly ratio: number;
  /**
   * The processing time with Powertools, divided by the time that it takes to replay Surehop's recorded DynamoDB
   * requests without a consumer.
   */
  readonly requestsAlone?: number;
  readonly surehop: Spent;
  readonly powertools: Spent;
  /** The number of messages that each of the two compared consumers processed. */
  readonly messages: number;
}

/**
 * Measures Surehop and Powertools in two separate processes. The processes take turns, and both process the same
 * batches.
 */
export async function compare(bench: Bench, options: ComparisonOptions): Promise<Comparison> {
  const {
    skus,
    latency,
    available = plenty,
    duplicates = 0,
    isMarked = true,
    isForgotten,
    isCached,
    amqpUrl,
    withRequestsAlone,
  } = options;
  // Duplicates are spread over the batch, so that every SKU has some.
  const isKnown = (n: number) => Math.floor((n + 1) * duplicates) > Math.floor(n * duplicates);
  const batches = Array.from({ length: TURNS * BATCHES_A_TURN }, (_, n) =>
    orders(BATCH, skus, n * BATCH).map((order, place) => ({ ...order, redelivered: isMarked && isKnown(place) })),
  );
  const known = batches.flatMap((batch) => batch.filter((_, n) => isKnown(n)));
  const before = Array.from({ length: Math.ceil(known.length / BATCH) }, (_, n) =>
    known.slice(n * BATCH, (n + 1) * BATCH).map((order) => ({ ...order, redelivered: false })),
  );

  const sides = [sideOf('surehop'), sideOf('powertools'), ...(withRequestsAlone ? [sideOf('prepared')] : [])];
  for (const { send } of sides) {
    const endpoint = await bench.freshStore();
    const { client } = openClient(endpoint);
    await stockUp(client, skus, available);
    client.destroy();
    const task: Task = { endpoint, latency, amqpUrl, isCached, batches: [...before, ...batches] };
    await send({ open: task });
    await send({ turn: before.length });
    if (isForgotten) await send({ open: { ...task, batches } });
  }
  const spent = { surehop: { ...nothing }, powertools: { ...nothing }, prepared: { ...nothing } };
  for (let n = 0; n < TURNS; n += 1)
    for (const { name, send } of n % 2 === 0 ? sides : sides.toReversed()) {
      const { ms, cpuUs, requests } = await send({ turn: BATCHES_A_TURN });
      spent[name].ms += ms;
      spent[name].cpuUs += cpuUs;
      spent[name].requests += requests;
    }
  const requestsAlone = withRequestsAlone ? spent.powertools.ms / spent.prepared.ms : undefined;
  return {
    ...spent,
    requestsAlone,
    ratio: spent.powertools.ms / spent.surehop.ms,
    messages: TURNS * BATCHES_A_TURN * BATCH,
  };
}

const nothing = { ms: 0, cpuUs: 0, requests: 0 };
