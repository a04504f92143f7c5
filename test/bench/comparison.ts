import { fork, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';

import { orders, plenty, stockUp } from './batches.ts';
import { keepToOne } from './processors.ts';
import type { Bench } from './protocol.ts';
import type { Answer, Command, SideName, Spent, Task } from './side.ts';
import { openClient, type Latency } from './store.ts';

const BATCH = 100;
const BATCHES_A_TURN = 10;
const TURNS = 2;

export interface ComparisonOptions {
  readonly skus: number;
  readonly latency?: Latency;
  /** The stock of each SKU; practically unlimited by default. */
  readonly available?: (n: number) => number;
  /** The share of each batch that was completed before; by default these messages are marked as redelivered. */
  readonly duplicates?: number;
  readonly isMarked?: boolean;
  /** Whether other processes, which no longer exist, completed these messages. */
  readonly isForgotten?: boolean;
  /** Whether Powertools uses its local cache of completed messages, which is off by default. */
  readonly isCached?: boolean;
  /** Whether to measure Surehop's requests alone too, prepared in advance. */
  readonly withRequestsAlone?: boolean;
  /** The address of the broker, if orders will be rejected. */
  readonly amqpUrl?: string;
}

/** The cost of the same batches for both consumers, each with its own empty store. */
export interface Comparison {
  /** The time of Powertools divided by the time of Surehop. */
  readonly ratio: number;
  /** The time of Powertools divided by the time of Surehop's requests alone, if measured. */
  readonly requestsAlone?: number;
  readonly surehop: Spent;
  readonly powertools: Spent;
  /** The number of messages that each consumer processed. */
  readonly messages: number;
}

/** Measures both consumers in separate processes, which process batches in turn. */
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
  // Spread over the batch, so that every SKU has some.
  const isKnown = (n: number) => Math.floor((n + 1) * duplicates) > Math.floor(n * duplicates);
  const batches = Array.from({ length: TURNS * BATCHES_A_TURN }, (_, n) =>
    orders(BATCH, skus, n * BATCH).map((order, place) => ({ ...order, redelivered: isMarked && isKnown(place) })),
  );
  const known = batches.flatMap((batch) => batch.filter((_, n) => isKnown(n)));
  const before = Array.from({ length: Math.ceil(known.length / BATCH) }, (_, n) =>
    known.slice(n * BATCH, (n + 1) * BATCH).map((order) => ({ ...order, redelivered: false })),
  );

  const sides = [sideOf('surehop'), sideOf('powertools'), ...(withRequestsAlone ? [sideOf('prepared')] : [])];
  for (const { ask } of sides) {
    const endpoint = await bench.freshStore();
    const { client } = openClient(endpoint);
    await stockUp(client, skus, available);
    client.destroy();
    const task: Task = { endpoint, latency, amqpUrl, isCached, batches: [...before, ...batches] };
    await ask({ open: task });
    await ask({ turn: before.length });
    if (isForgotten) await ask({ open: { ...task, batches } });
  }
  const spent = { surehop: { ...nothing }, powertools: { ...nothing }, prepared: { ...nothing } };
  for (let n = 0; n < TURNS; n += 1)
    for (const { name, ask } of n % 2 === 0 ? sides : sides.toReversed()) {
      const { ms, cpuUs, requests } = await ask({ turn: BATCHES_A_TURN });
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

const processes = new Map<SideName, ChildProcess>();

/** The process of each side, which serves all rounds and is warm after the first one. */
function sideOf(name: SideName) {
  let child = processes.get(name);
  if (!child) {
    // What it logs is part of its work, and no part of the answer.
    child = fork(join(dirname(process.argv[1]!), 'side.mjs'), [name], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    keepToOne(child.pid);
    child.unref();
    child.channel?.unref();
    processes.set(name, child);
  }
  const side = child;
  return {
    name,
    ask: (command: Command) =>
      new Promise<Spent>((resolve, reject) => {
        side.channel?.ref();
        const gone = () => reject(new Error(`the process of ${name} has ended`));
        side.once('exit', gone);
        side.once('message', (answer: Answer) => {
          side.off('exit', gone);
          side.channel?.unref();
          if ('error' in answer) reject(new Error(`${name}: ${answer.error}`));
          else resolve(answer);
        });
        side.send(command);
      }),
  };
}
