import { setMaxListeners } from 'node:events';

import pMap from 'p-map';

import { compareLedger, type AcceptedOrder } from './ledger.ts';
import { corruptItems } from './corrupt-items.ts';
import { collectResults } from './results.ts';
import { INITIAL_STOCK, place, planOrders, request, skus, SOLD_OUT_SKU } from './orders.ts';
import { reportOf, type Run } from './report.ts';
import { killBroker, repairOnceRetried, publishMalformed } from './faults.ts';
import type { DevEnvironment } from '../dev/runtime/dev-environment.ts';
import { entry, onShutdown, say } from '../dev/runtime/command-line.ts';
import { sumMetrics } from '../dev/runtime/embedded-metrics.ts';
import { startPrivateEnvironment } from '../dev/runtime/private-environment.ts';

const PLAN = { orders: 1_000, sentTwice: 50, soldOut: 20, awardFails: 10, malformed: 10 };
const CLIENTS = 16;

await entry(async () => {
  const abort = new AbortController();
  // Every client waits with this signal while the broker is killed.
  setMaxListeners(0, abort.signal);
  const stopped = new Promise<undefined>((resolve) => {
    onShutdown({
      begin: () => {
        abort.abort();
        resolve(undefined);
      },
      force: () => process.exit(130),
    });
  });
  // The demo kills its broker and expects empty tables.
  const environment = await Promise.race([startPrivateEnvironment(say), stopped]);
  if (!environment) return 130;
  say(`the service is ready at ${environment.service.url}`);
  try {
    const run = await Promise.race([runDemo(environment, abort.signal), stopped]);
    if (!run) return 130;
    process.stdout.write(reportOf(PLAN, run));
    return run.ledger.isBalanced ? 0 : 1;
  } finally {
    await environment.stop();
  }
});

async function runDemo(environment: DevEnvironment, signal: AbortSignal): Promise<Run> {
  const { url, logFile } = environment.service;
  const token = await environment.service.token('stock:write');
  const putStock = (sku: string, available: number) =>
    request(`${url}/stock/${sku}`, { method: 'PUT', body: { available }, token });
  await pMap(skus, (sku) => putStock(sku, INITIAL_STOCK), { concurrency: 4 });
  await putStock(SOLD_OUT_SKU, 0);
  const orders = planOrders(PLAN);
  const failing = orders.filter(({ awardFails }) => awardFails);
  await corruptItems(
    environment,
    failing.map(({ customerId }) => customerId),
  );
  say(`the stock of ${skus.length} SKUs is set; placing ${orders.length} orders with ${CLIENTS} concurrent clients`);

  await publishMalformed(environment.broker.amqpUrl, PLAN.malformed);
  let placed = 0;
  let refusals = 0;
  let brokerFault: Promise<void> | undefined;
  const repairs = repairOnceRetried(environment, failing, signal);
  const accepted = await pMap(
    orders,
    async (order): Promise<AcceptedOrder> => {
      const answers = await Promise.all(
        Array.from({ length: order.sentTwice ? 2 : 1 }, () => place(url, order, signal)),
      );
      const ids = new Set(answers.map(({ orderId }) => orderId));
      const orderIds = [...ids].join(', ');
      if (ids.size !== 1) throw new Error(`one idempotency key created two orders: ${orderIds}`);
      refusals += answers.reduce((sum, answer) => sum + answer.refusals, 0);
      placed += 1;
      if (placed % 100 === 0) say(`${placed} of ${orders.length} orders have been accepted`);
      if (placed === orders.length / 2) brokerFault = killBroker(environment);
      return { ...order, orderId: answers[0]!.orderId };
    },
    { concurrency: CLIENTS },
  );
  await brokerFault;
  await repairs;
  const results = await collectResults(environment, accepted, signal);
  const metrics = sumMetrics(logFile, ['Duplicates', 'Retried']);
  return {
    ledger: compareLedger(accepted, results, PLAN.malformed),
    refusals,
    duplicates: metrics.Duplicates,
    retried: metrics.Retried,
  };
}
