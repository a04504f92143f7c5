import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pMap from 'p-map';

import { balance, type AcceptedOrder } from '../demo/ledger.ts';
import { jam } from '../demo/corrupt-items.ts';
import { lookWhenQuiet } from '../demo/results.ts';
import { INITIAL_STOCK, place, planOrders, request, skus, SOLD_OUT_SKU } from '../demo/orders.ts';
import { tableOf, type Run } from '../demo/report.ts';
import { killBroker, mendOnceRetried, publishMalformed } from '../demo/faults.ts';
import { startLaptop, type Laptop } from '../runtime/dev-environment.ts';
import { entry, onShutdown, say } from '../runtime/command-line.ts';
import { localDirectory } from '../runtime/directories.ts';
import { sumMetrics } from '../runtime/embedded-metrics.ts';
import { freePorts } from '../runtime/ports.ts';
import { readSettings, TABLE_PREFIX } from '../runtime/settings.ts';

const PLAN = { orders: 1_000, sentTwice: 50, soldOut: 20, awardFails: 10, malformed: 10 };
const CLIENTS = 16;

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
    tablePrefix: TABLE_PREFIX,
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
    process.stdout.write(tableOf(PLAN, run));
    return run.books.balance ? 0 : 1;
  } finally {
    await laptop.stop();
  }
});

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

  await publishMalformed(laptop.broker.amqpUrl, PLAN.malformed);
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
  const found = await lookWhenQuiet(laptop, accepted, signal);
  const metrics = sumMetrics(logFile, ['Duplicates', 'Retried']);
  return {
    books: balance(accepted, found, PLAN.malformed),
    refusals,
    duplicates: metrics.Duplicates,
    retried: metrics.Retried,
  };
}
