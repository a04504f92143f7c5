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
  /** Pieces of each SKU that are there; plenty where nothing is said. */
  readonly available?: (n: number) => number;
  /** Messages of each batch that are done before it, as a share; marked as redelivered unless said otherwise. */
  readonly duplicates?: number;
  readonly isMarked?: boolean;
  /** They were done by processes that are gone. */
  readonly isForgotten?: boolean;
  /** Powertools keeps what is done in its local cache, which it does not by itself. */
  readonly isCached?: boolean;
  /** Also measures Surehop's requests alone, prepared beforehand. */
  readonly withRequestsAlone?: boolean;
  /** The broker, where orders will be rejected. */
  readonly amqpUrl?: string;
}

/** What both consumers spent on the same batches, each on a fresh store of its own. */
export interface Comparison {
  /** Time of Powertools by that of Surehop. */
  readonly ratio: number;
  /** The same, had Surehop's consumer taken no time but for its requests; where that was asked for. */
  readonly requestsAlone?: number;
  readonly surehop: Spent;
  readonly powertools: Spent;
  /** That each of them worked on. */
  readonly messages: number;
}

/** Measures both consumers, each in a process of its own, so many batches in turn. */
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

/** The side's process, which lives as long as this one: it is warm after the first round. */
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
        const gone = () => reject(new Error(`the process of ${name} is gone`));
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
