import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from 'amqplib';
import pMap from 'p-map';

import { exchanges, topology } from '../topology.ts';
import { balance, type AcceptedOrder, type Books, type Found } from './demo/books.ts';
import { jam, mend } from './demo/jam.ts';
import { INITIAL_STOCK, place, planOrders, request, skus, SOLD_OUT_SKU, type DemoOrder } from './demo/shop.ts';
import { startLaptop, type Laptop } from './laptop.ts';
import { say } from './parts/console.ts';
import { localDirectory } from './parts/directories.ts';
import { entry } from './parts/entry.ts';
import { freePorts } from './parts/ports.ts';
import { readSettings } from './parts/settings.ts';
import { onShutdown } from './parts/shutdown.ts';

const PLAN = { orders: 1_000, sentTwice: 50, soldOut: 20, awardFails: 10, malformed: 10 };
const CLIENTS = 16;
const QUIET_WITHIN_MS = 180_000;

interface Order {
  orderId: string;
  status: string;
  consumers: Record<string, { outcome: string; attempt?: number }>;
}

await entry(async () => {
  const abort = new AbortController();
  const stopped = new Promise<undefined>((resolve) => {
    onShutdown({
      begin: () => {
        abort.abort();
        resolve(undefined);
      },
      force: () => process.exit(130),
    });
  });
  const scratch = mkdtempSync(join(tmpdir(), 'surehop-demo-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const [httpPort] = await freePorts(1);
  // A broker of our own, whatever is given: this one gets killed, and the books must start empty.
  const settings = {
    ...readSettings(process.env, localDirectory),
    httpPort: httpPort!,
    amqpUrl: undefined,
    dynamodbEndpoint: undefined,
  };
  const starting = startLaptop({
    settings,
    dataDirectory: scratch,
    keepData: true,
    watch: false,
    say,
    output: () => {},
  });
  const laptop = await Promise.race([starting, stopped]);
  if (!laptop) return 130;
  say(`ready ${laptop.service.url}`);
  try {
    const run = await Promise.race([runDemo(laptop, abort.signal), stopped]);
    if (!run) return 130;
    print(run);
    return run.books.balance ? 0 : 1;
  } finally {
    await laptop.stop();
  }
});

interface Run {
  readonly books: Books;
  readonly refusals: number;
  readonly duplicates: number;
  readonly retried: number;
}

async function runDemo(laptop: Laptop, signal: AbortSignal): Promise<Run> {
  const { url, logFile } = laptop.service;
  const token = await laptop.service.token('stock:write');
  const putStock = (sku: string, available: number) =>
    request(`${url}/stock/${sku}`, { method: 'PUT', body: { available }, token });
  await pMap(skus, (sku) => putStock(sku, INITIAL_STOCK), { concurrency: 4 });
  await putStock(SOLD_OUT_SKU, 0);
  const orders = planOrders(PLAN);
  const jammed = orders.filter(({ awardFails }) => awardFails);
  await jam(
    laptop.store.endpoint,
    jammed.map(({ customerId }) => customerId),
  );
  say(`${skus.length} SKUs on the shelf; placing ${orders.length} orders, ${CLIENTS} clients at once`);

  await publishMalformed(laptop.broker.amqpUrl);
  let placed = 0;
  let refusals = 0;
  let mishap: Promise<void> | undefined;
  const mending = mendOnceRetried(laptop, jammed, signal);
  const accepted = await pMap(
    orders,
    async (order): Promise<AcceptedOrder> => {
      const answers = await Promise.all(
        Array.from({ length: order.sentTwice ? 2 : 1 }, () => place(url, order, signal)),
      );
      const ids = new Set(answers.map(({ orderId }) => orderId));
      if (ids.size !== 1) throw new Error(`one key, two orders: ${[...ids].join(', ')}`);
      refusals += answers.reduce((sum, answer) => sum + answer.refusals, 0);
      placed += 1;
      if (placed % 100 === 0) say(`${placed} of ${orders.length} accepted`);
      if (placed === orders.length / 2) mishap = killBroker(laptop);
      return { ...order, orderId: answers[0]!.orderId };
    },
    { concurrency: CLIENTS },
  );
  await mishap;
  await mending;
  const found = await quiet(laptop, accepted, signal);
  const metrics = sumMetrics(logFile, ['Duplicates', 'Retried']);
  return {
    books: balance(accepted, found, PLAN.malformed),
    refusals,
    duplicates: metrics.Duplicates!,
    retried: metrics.Retried!,
  };
}

async function killBroker({ broker }: Laptop): Promise<void> {
  say('killing the broker with SIGKILL, in the middle of it');
  await broker.kill();
  await broker.restart();
  say('the broker is back, with the same data');
}

/** The awards that fail do so for a real reason, a spoilt item; it is mended once three attempts have failed. */
async function mendOnceRetried(
  { service, store }: Laptop,
  jammed: readonly DemoOrder[],
  signal: AbortSignal,
): Promise<void> {
  await pMap(
    jammed,
    async (order) => {
      const { orderId } = await place(service.url, order, signal);
      for (;;) {
        signal.throwIfAborted();
        const points = await request<Order>(`${service.url}/orders/${orderId}`).then(
          ({ consumers }) => consumers.points,
          () => undefined,
        );
        if (points?.outcome === 'retrying' ? points.attempt === 3 : points?.outcome === 'dead-lettered') break;
        await sleep(200);
      }
      await mend(store.endpoint, order.customerId);
    },
    { concurrency: jammed.length },
  );
}

/** Messages that no consumer can read, straight onto the exchange, past the HTTP function. */
async function publishMalformed(amqpUrl: string): Promise<void> {
  const connection = await connect(amqpUrl);
  const channel = await connection.createConfirmChannel();
  for (let index = 0; index < PLAN.malformed; index += 1) {
    const body = index % 2 ? `{"orderId": "${index}"` : `{"orderId": "not an order ${index}"}`;
    channel.publish(exchanges.orders, 'order.created', Buffer.from(body), {
      messageId: randomUUID(),
      persistent: true,
      type: 'order.created',
    });
  }
  await channel.waitForConfirms();
  await connection.close();
}

/** Waits until every order has ended and every queue is empty, then looks at everything. */
async function quiet(laptop: Laptop, orders: readonly AcceptedOrder[], signal: AbortSignal): Promise<Found> {
  const { url } = laptop.service;
  const token = await laptop.service.token('dead-letters:read');
  const statuses = new Map<string, string>();
  const end = Date.now() + QUIET_WITHIN_MS;
  for (;;) {
    signal.throwIfAborted();
    const pending = orders.filter(({ orderId }) => !['fulfilled', 'rejected'].includes(statuses.get(orderId) ?? ''));
    await pMap(
      pending,
      async ({ orderId }) => statuses.set(orderId, (await request<Order>(`${url}/orders/${orderId}`)).status),
      { concurrency: 8 },
    );
    const open = [...statuses.values()].filter((status) => status === 'accepted').length;
    const waiting = await messagesIn(laptop.broker.amqpUrl);
    if ((open === 0 && waiting === 0) || Date.now() > end) break;
    say(`${orders.length - open} of ${orders.length} orders have ended, ${waiting} messages wait`);
    await sleep(1_000);
  }
  const read = async <T>(names: readonly string[], one: (name: string) => Promise<T>) =>
    new Map(await pMap(names, async (name) => [name, await one(name)] as const, { concurrency: 8 }));
  return {
    statuses,
    stock: await read(skus, async (sku) => (await request<{ available: number }>(`${url}/stock/${sku}`)).available),
    points: await read(
      orders.map(({ customerId }) => customerId),
      async (id) => (await request<{ points: number }>(`${url}/customers/${id}/points`)).points,
    ),
    deadLetters: (await request<{ deadLetters: Found['deadLetters'] }>(`${url}/dead-letters?limit=100`, { token }))
      .deadLetters,
  };
}

async function messagesIn(amqpUrl: string): Promise<number> {
  const connection = await connect(amqpUrl);
  const channel = await connection.createChannel();
  const counts = await Promise.all(topology.queues.map(({ name }) => channel.checkQueue(name)));
  await connection.close();
  return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
}

/** Adds up metrics from the service's log, where they stand in CloudWatch's embedded format. */
function sumMetrics(logFile: string, names: readonly string[]): Record<string, number> {
  const sums = Object.fromEntries(names.map((name) => [name, 0]));
  for (const line of readFileSync(logFile, 'utf8').split('\n')) {
    if (!line.includes('"_aws"')) continue;
    const values = JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>;
    for (const name of names) if (typeof values[name] === 'number') sums[name]! += values[name];
  }
  return sums;
}

function print({ books, refusals, duplicates, retried }: Run): void {
  const { accepted, completed, rejected, deadLettered, lost, appliedTwice, wrong, stock, points } = books;
  const rows: [string, string][] = [
    [
      'accepted',
      `${accepted}  (${PLAN.sentTwice} of them sent twice; ${refusals} refusals sent again with the same key)`,
    ],
    ['completed', String(completed)],
    ['rejected', `${rejected}  (${PLAN.soldOut} asked for a sold-out SKU)`],
    ['duplicates dropped', String(duplicates)],
    ['retried', String(retried)],
    ['dead-lettered', `${deadLettered}  (${PLAN.malformed} malformed messages, in 2 queues each)`],
    ['lost', String(lost.length)],
    ['applied twice', String(appliedTwice.length)],
    ['stock', `expected ${stock.expected}, found ${stock.found}`],
    ['points', `expected ${points.expected}, found ${points.found}`],
  ];
  process.stdout.write(`\n${rows.map(([name, value]) => `  ${name.padEnd(20)}${value}`).join('\n')}\n\n`);
  for (const [name, ids] of Object.entries({ lost, 'applied twice': appliedTwice, 'ended wrongly': wrong }))
    if (ids.length > 0) process.stdout.write(`  ${name}: ${ids.join(' ')}\n`);
  process.stdout.write(books.balance ? 'the books balance\n' : 'THE BOOKS DO NOT BALANCE\n');
}
