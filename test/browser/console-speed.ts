// Measures for the benchmark how soon the operators' console shows 12 groups of dead letters. Prints the figures of all
// rounds as JSON in the last line.
import { setTimeout as sleep } from 'node:timers/promises';

import type { Browser } from 'playwright-core';

import { entry, Problem } from '../../infra/dev/runtime/command-line.ts';
import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { startPrivateEnvironment } from '../../infra/dev/runtime/private-environment.ts';
import { queues } from '../../infra/topology.ts';
import type { Message } from '../../lib/events/message.ts';
import { findChromium, startChromium } from '../support/chromium.ts';
import { aPoison, aRejection, failing, type Failing } from '../support/failures.ts';

const FEW = 12;
const MANY = 10_000;
const PUBLISHED_AT_ONCE = 500;
const LISTED_AT_ONCE = 100;
const ASK_EVERY_MS = 5_000;
const PATIENCE_MS = 600_000;

const wrong = { orderId: 'one', customerId: 'Ada Lovelace', currency: 'EURO', total: 'three euros', reason: 'TIRED' };

const causes: readonly (() => Message)[] = [
  () => aPoison(queues.stock.name),
  () => aPoison(queues.points.name),
  () => aRejection(undefined, { orderId: wrong.orderId }),
  () => aRejection(undefined, { customerId: wrong.customerId }),
  () => aRejection(undefined, { currency: wrong.currency }),
  () => aRejection(undefined, { total: wrong.total }),
  () => aRejection(undefined, { reason: wrong.reason }),
  () => aRejection(undefined, { orderId: wrong.orderId, customerId: wrong.customerId }),
  () => aRejection(undefined, { orderId: wrong.orderId, currency: wrong.currency }),
  () => aRejection(undefined, { orderId: wrong.orderId, total: wrong.total }),
  () => aRejection(undefined, { orderId: wrong.orderId, reason: wrong.reason }),
  () => aRejection(undefined, wrong),
];

interface Groups {
  readonly groups: readonly { readonly count: number }[];
}

interface List {
  readonly deadLetters: readonly { readonly group: string }[];
  readonly cursor?: string;
}

/**
 * How long the operators' console took to show all groups of dead letters, the size of its page, and its requests to
 * other origins.
 */
interface Load {
  readonly ms: number;
  /** The compressed size of the console's HTML page, in KB. */
  readonly weight: number;
  /** The number of requests that the page sent to other origins. */
  readonly external: number;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

await entry(async () => {
  const rounds = Number(process.argv[2]);
  const found = await findChromium();
  if ('missing' in found) throw new Problem(found.missing);
  const measured: object[] = [];
  const environments: DevEnvironment[] = [];
  const browser = await startChromium(found);
  try {
    const withFailures = async (count: number) => {
      const environment = await startPrivateEnvironment();
      environments.push(environment);
      const service = await failing(environment);
      await failMany(service, count);
      return { service, load: () => loadIn(browser, environment.service.url, count) };
    };
    const few = await withFailures(FEW);
    const many = await withFailures(MANY);
    // The first loads warm up the browser and the functions.
    await few.load();
    await many.load();
    for (let round = 1; round <= rounds; round += 1) {
      const before = round % 2 === 0 ? await few.load() : undefined;
      const { ms, ...page } = await many.load();
      const { ms: fewMs } = before ?? (await few.load());
      const listedMs = await listAll(many.service);
      measured.push({ ...page, few: fewMs, many: ms, ratio: ms / fewMs, listed: listedMs / ms });
    }
  } finally {
    await browser.close();
    for (const environment of environments) await environment.stop();
  }
  // The last line of the output is the result. The publisher writes its metrics into the lines before.
  process.stdout.write(`\n${JSON.stringify(measured)}`);
  return 0;
});

/**
 * Publishes `count` messages in total, which fail for 12 different reasons, and waits until the archive contains all of
 * them.
 */
async function failMany({ publish, request }: Failing, count: number): Promise<void> {
  for (let start = 0; start < count; start += PUBLISHED_AT_ONCE)
    await publish(
      Array.from({ length: Math.min(PUBLISHED_AT_ONCE, count - start) }, (_, index) =>
        causes[(start + index) % causes.length]!(),
      ),
    );
  let found: readonly number[] = [];
  for (const end = Date.now() + PATIENCE_MS; sum(found) < count; await sleep(ASK_EVERY_MS)) {
    if (Date.now() > end) throw new Problem(`the archive contains ${sum(found)} of ${count} dead letters`);
    found = (await request<Groups>('GET', '/dead-letters/groups')).groups.map((group) => group.count);
  }
  if (sum(found) !== count || found.length !== causes.length)
    throw new Problem(
      `expected ${count} dead letters, but the archive contains ${sum(found)} in ${found.length} groups`,
    );
}

/** Loads the console in a browser context with an empty cache, and waits until it shows all groups of dead letters. */
async function loadIn(browser: Browser, url: string, count: number): Promise<Load> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = await context.newPage();
    const { origin } = new URL(url);
    let external = 0;
    page.on('request', (request) => {
      const to = new URL(request.url());
      if (to.protocol !== 'data:' && to.origin !== origin) external += 1;
    });
    await page.addInitScript(
      ([groups, count]) => {
        new MutationObserver((_, observer) => {
          const shown = Array.from(document.querySelectorAll('table.groups tbody tr td.large'), (cell) =>
            Number(cell.textContent.replaceAll(/\D/g, '')),
          );
          if (shown.length !== groups || shown.reduce((total, number) => total + number, 0) !== count) return;
          observer.disconnect();
          requestAnimationFrame(() => void performance.mark('shown'));
        }).observe(document, { childList: true, characterData: true, subtree: true });
      },
      [causes.length, count] as const,
    );
    const response = await page.goto(`${url}/console#/failures`);
    const mark = await page.waitForFunction(() => performance.getEntriesByName('shown')[0]?.startTime);
    const { responseBodySize } = await response!.request().sizes();
    return { ms: (await mark.jsonValue())!, weight: responseBodySize / 1_000, external };
  } finally {
    await context.close();
  }
}

/**
 * Lists all dead letters page by page, and counts the dead letters of each group. Returns how long this took, in ms.
 */
async function listAll({ request }: Failing): Promise<number> {
  const startedAt = performance.now();
  const counts = new Map<string, number>();
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ status: 'open', limit: String(LISTED_AT_ONCE), ...(cursor && { cursor }) });
    const list = await request<List>('GET', `/dead-letters?${query.toString()}`);
    for (const { group } of list.deadLetters) counts.set(group, (counts.get(group) ?? 0) + 1);
    ({ cursor } = list);
  } while (cursor !== undefined);
  const ms = performance.now() - startedAt;
  if (counts.size !== causes.length || sum([...counts.values()]) !== MANY)
    throw new Problem(
      `expected ${MANY} dead letters in ${causes.length} groups, but the list contains ${sum([...counts.values()])} in ${counts.size} groups`,
    );
  return ms;
}
