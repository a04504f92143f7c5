import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { alarmsRoute } from '../../lib/operations/alarms-route.ts';
import { queueSamples } from '../../lib/operations/queue-samples.ts';
import { createSurehop } from '../../lib/runtime/surehop.ts';
import { aFailure, aPoison, aRejection } from '../support/failures.ts';
import { eventually } from '../support/eventually.ts';
import { groupsIn, rowsOf } from './console-page.ts';
import type { World } from './world.ts';

export function viewTests(world: World): void {
  describe('the views', () => {
    test('the console logs the developer in automatically, and the overview shows the broker, the database and every queue', async () => {
      const { page, problems } = await world.aConsole();
      await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
      await page.getByRole('row', { name: /^stock/ }).waitFor();
      const rows = await rowsOf(page, 'section[aria-labelledby="queues-title"] table');
      expect(rows.map(([name]) => name)).toEqual(['stock', 'points']);
      // Ready, in work, waiting for a retry, failures and consumers.
      await eventually('the figures of each queue', async () => {
        const figures = (await rowsOf(page, 'section[aria-labelledby="queues-title"] table')).map((row) =>
          row.slice(1, 6).join(' '),
        );
        return figures.join() === '0 0 0 12 1,0 0 0 18 1';
      });
      await eventually('the state of both parts', async () => {
        const tiles = await page.locator('ul.tiles li').allInnerTexts();
        return tiles.filter((tile) => /answers/.test(tile)).length === 2;
      });
      await page.getByRole('link', { name: '30', exact: true }).waitFor();
      expect(problems).toEqual([]);
    });

    test('the console shows 30 failures as four causes with the number of failures, and each field of the filter reduces the list', async () => {
      const { page, problems, show } = await world.aConsole();
      await show('#/failures', 'Failures');
      await page.locator('table.groups').waitFor();
      const all = await groupsIn(page);
      expect(all.map((group) => group.replace(/.*× /, '')).toSorted()).toEqual(['12', '5', '5', '8']);
      const [, , last, first, , redriven] = (await rowsOf(page, 'table.groups'))[0]!;
      expect([last, first, redriven]).toEqual([expect.stringMatching(/ago/), expect.stringMatching(/ago/), '0%']);
      await page
        .getByRole('img', { name: /^at most \d+ per bar, from/ })
        .first()
        .waitFor();
      const reads = async (hash: string, expected: number) => {
        await show(hash, 'Failures');
        await eventually(`${expected} causes for ${hash}`, async () => (await groupsIn(page)).length === expected);
        return groupsIn(page);
      };
      expect(await reads('#/failures?queue=stock', 1)).toEqual([expect.stringMatching(/^stock .* × 12$/)]);
      expect(await reads('#/failures?code=SCHEMA_MISMATCH', 1)).toEqual([expect.stringMatching(/^points .* × 8$/)]);
      expect(await reads('#/failures?client=shop', 4)).toHaveLength(4);
      expect(await reads('#/failures?text=fail-next', 1)).toEqual([expect.stringMatching(/^points .* × 5$/)]);
      const hint = await page.getByRole('searchbox', { name: 'Text or id' }).getAttribute('aria-describedby');
      expect(await page.locator(`[id="${hint}"]`).innerText()).toMatch(
        /in the reason of a failure.* not search bodies/,
      );
      const queues = page.locator('table.dead-letters td.name bdi');
      await queues.first().waitFor();
      // Each name is in one line.
      expect(new Set(await queues.evaluateAll((names) => names.map((name) => name.getClientRects().length)))).toEqual(
        new Set([1]),
      );
      await show('#/failures?client=nobody', 'Failures');
      await page.getByText('No failed message matches the filter.').first().waitFor();
      expect(problems).toEqual([]);
    });

    test('the console shows a message with the faults beside the fields of the body, the headers, and the bytes for download', async () => {
      const { page, problems, show } = await world.aConsole();
      const { id } = await world.aDeadLetter({ code: 'SCHEMA_MISMATCH' });
      await show(`#/dead-letters/${id}`, 'Failed message');
      const fault = page.locator('ol.json li.fault');
      await fault.waitFor();
      expect(await fault.innerText()).toMatch(/"total": "three euros"[\s\S]*expected number/);
      await page.getByRole('rowheader', { name: 'surehop-dead-letter-code' }).waitFor();
      const downloading = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download the bytes' }).click();
      const file = await (await downloading).path();
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ total: 'three euros', customerId: 'ada' });
      await page.getByRole('link', { name: 'Show all messages with this cause' }).click();
      await eventually('the cause of the message', async () => (await groupsIn(page)).length === 1);
      expect(problems).toEqual([]);
    });

    test('the time filter takes local times, and shows only the messages that failed between them', async () => {
      const now = Date.now();
      const hoursAgo = (hours: number) => new Date(now - hours * 3_600_000).toISOString();
      await world.service.publish(
        [50, 30, 2].map((hours) => aFailure('IN_THE_PAST', `${hours} hours ago`, aRejection(), hoursAgo(hours))),
      );
      await world.service.untilArchived(3, { code: 'IN_THE_PAST' });
      const { page, problems, show } = await world.aConsole({ timezoneId: 'Asia/Kolkata' });
      await show('#/failures?code=IN_THE_PAST', 'Failures');
      const shows = async (count: number, newest: string) =>
        eventually(`${count} messages`, async () => {
          const [group = ''] = await groupsIn(page);
          return group.includes(newest) && group.endsWith(`× ${count}`);
        });
      await shows(3, '2 hours ago');
      // The value of the field is a time in India, five and a half hours before UTC.
      const localTime = (hours: number) => new Date(now - (hours - 5.5) * 3_600_000).toISOString().slice(0, 16);
      await page.getByLabel('From', { exact: true }).fill(localTime(40));
      await page.getByLabel('Until', { exact: true }).fill(localTime(20));
      await page.getByRole('button', { name: 'Filter', exact: true }).click();
      await shows(1, '30 hours ago');
      const address = new URLSearchParams(new URL(page.url()).hash.split('?')[1]);
      expect(address.get('from')).toBe(`${hoursAgo(40).slice(0, 16)}:00.000Z`);
      expect(await page.getByLabel('From', { exact: true }).inputValue()).toBe(localTime(40));
      await page.getByLabel('From', { exact: true }).fill('');
      await page.getByRole('button', { name: 'Filter', exact: true }).click();
      await shows(2, '30 hours ago');
      expect(problems).toEqual([]);
    });

    test('the console shows each failed attempt of a message with its error, its time and the delay after it', async () => {
      const { page, show } = await world.aConsole();
      const { id } = await world.aDeadLetter({ code: 'ATTEMPTS_EXHAUSTED', client: 'shop', text: 'fail-next' });
      await show(`#/dead-letters/${id}`, 'Failed message');
      const attempts = page.locator('section[aria-labelledby="attempts-title"] li');
      await attempts.first().waitFor();
      const texts = await attempts.allInnerTexts();
      const error = 'this attempt failed because POST /console/dev/fail-next asked for it';
      const inOneLine = texts.map((text) => text.replaceAll(/\s+/g, ' '));
      expect(inOneLine).toEqual([
        ...[1, 2, 3].map((attempt) => expect.stringContaining(`attempt ${attempt} UNKNOWN_ERROR ${error} `)),
        expect.stringContaining('attempt 4 ATTEMPTS_EXHAUSTED 4 attempts failed, the last with UNKNOWN_ERROR'),
      ]);
      expect(inOneLine.map((text) => / ago\)(?: next attempt after (\d) secs?)?$/.exec(text)?.[1])).toEqual([
        '1',
        '2',
        '4',
        undefined,
      ]);
    });

    test('the downloaded bytes of a body that is not text are exactly the bytes of the message', async () => {
      const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      await world.service.publish([aFailure('NOT_TEXT', 'the body is not text', aPoison('points', body))]);
      await world.service.untilArchived(1, { code: 'NOT_TEXT' });
      const { page, problems, show } = await world.aConsole();
      const { id } = await world.aDeadLetter({ code: 'NOT_TEXT' });
      await show(`#/dead-letters/${id}`, 'Failed message');
      await page.getByText('The body is not text. Download its bytes.').waitFor();
      const downloading = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download the bytes' }).click();
      const download = await downloading;
      expect(download.suggestedFilename()).toBe(`${id}.bin`);
      expect(readFileSync(await download.path())).toEqual(body);
      expect(problems).toEqual([]);
    });

    test('the samples of the last hour become a drawn chart, and a list below the chart has the last and the largest value of each line', async () => {
      const { store, tablePrefix } = world.environment;
      const surehop = createSurehop({ environment: { DYNAMODB_ENDPOINT: store.endpoint, TABLE_PREFIX: tablePrefix } });
      const minuteMs = Math.floor(Date.now() / 60_000) * 60_000;
      let acknowledged = 1_000_000;
      for (let minutesAgo = 59; minutesAgo >= 2; minutesAgo -= 1) {
        acknowledged += minutesAgo === 30 ? 60 : 10;
        const queue = { ready: 7, unacknowledged: 0, acknowledged, deadLettered: 12 };
        await queueSamples(surehop).store({
          takenAt: new Date(minuteMs - minutesAgo * 60_000).toISOString(),
          queues: { stock: queue, points: queue },
          delayQueues: {},
        });
      }
      const { page, problems, violations } = await world.aConsole();
      const charts = page.locator('figure.chart');
      await charts.nth(3).waitFor();
      expect(await charts.locator('figcaption').allInnerTexts()).toEqual(
        Array.from({ length: 2 }, () => ['Messages per minute', 'Ready messages and open failures']).flat(),
      );
      const rates = charts.first();
      const listed = (await rates.locator('li').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());
      expect(listed).toEqual(['In 10 at most 60', 'Out 10 at most 60']);
      // Each line has the color of its square in the list.
      const colors = await rates
        .locator('.swatch')
        .evaluateAll((swatches) => swatches.map((swatch) => getComputedStyle(swatch).backgroundColor));
      expect(new Set(colors).size).toBe(2);
      const pixels = await rates.locator('canvas').evaluate((canvas: HTMLCanvasElement, wanted) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        return wanted.map((color) => {
          const [red, green, blue] = color.match(/\d+/g)!.map(Number);
          let count = 0;
          for (let at = 0; at < data.length; at += 4)
            if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) count += 1;
          return count;
        });
      }, colors);
      for (const count of pixels) expect(count).toBeGreaterThan(100);
      expect(await violations()).toEqual([]);
      expect(problems).toEqual([]);
    });

    test.each([
      ['en', 'The queue stock is nearly full', 'critical'],
      ['zh', '队列 stock 即将满', '严重'],
    ])(
      'the overview shows a raised alarm with its meaning and the others by name (language %s)',
      async (language, title, severity) => {
        const since = new Date(Date.now() - 600_000).toISOString();
        const alarm = {
          severity: 'critical',
          state: 'ok',
          since,
          description: 'Runbook: a full queue.',
          reason: 'why',
        };
        const alarms = alarmsRoute.answers[200].parse({
          available: true,
          alarms: [
            { ...alarm, name: 'queue-stock-full', state: 'alarm' },
            { ...alarm, name: 'place-order-errors', state: 'unknown' },
            { ...alarm, name: 'broker-memory' },
          ],
        });
        const { page, problems, violations } = await world.aConsole({
          language,
          // Only CloudWatch has alarms, and this machine has no CloudWatch.
          responses: { '/alarms': alarms },
        });
        const raised = page.getByRole('alert').filter({ hasText: title });
        await raised.waitFor();
        for (const text of ['queue-stock-full', severity, 'Runbook: a full queue.', 'why'])
          expect(await raised.innerText()).toContain(text);
        await page.locator('summary').filter({ hasText: '2' }).click();
        const others = await page.locator('ul.alarms li').allInnerTexts();
        expect(others).toEqual([
          expect.stringContaining('place-order-errors'),
          expect.stringContaining('broker-memory'),
        ]);
        expect(await violations()).toEqual([]);
        expect(problems).toEqual([]);
      },
    );

    test('the console shows new failures without a reload of the page, but only counts them while the operator selects messages', async () => {
      const { page, show, wait } = await world.aConsole({ hasClock: true });
      await show('#/failures?client=late', 'Failures');
      await page.getByText('No failed message matches the filter.').first().waitFor();
      const fail = (reason: string) => {
        const { properties, ...message } = aRejection();
        const late = { ...message, properties: { ...properties, appId: 'late' } };
        return world.service.publish([aFailure('ATTEMPTS_EXHAUSTED', reason, late)]);
      };
      await fail('failed just now');
      await world.service.untilArchived(1, { client: 'late' });
      expect(await groupsIn(page)).toEqual([]);
      await wait(10_000);
      await eventually('the new cause', async () => (await groupsIn(page)).length === 1);
      expect(await groupsIn(page)).toEqual([expect.stringMatching(/ATTEMPTS_EXHAUSTED.* × 1$/)]);
      const rows = page.locator('table.dead-letters tbody tr');
      await rows.getByRole('checkbox').check();
      await fail('failed just now');
      await world.service.untilArchived(2, { client: 'late' });
      await wait(10_000);
      await page.getByText('1 newer message.').waitFor();
      expect(await rows.count()).toBe(1);
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await rows.nth(1).waitFor();
      expect(await page.getByText('1 newer message.').count()).toBe(0);
      await page.getByRole('button', { name: 'Clear the selection' }).click();
      // The number of messages stays the same, but not the messages.
      const [deadLetter] = await world.deadLetters({ client: 'late' });
      await world.service.request('DELETE', `/dead-letters/${deadLetter!.id}`, { reason: 'one leaves, one joins' });
      await fail('failed in another way');
      await world.service.untilArchived(2, { client: 'late' });
      await wait(10_000);
      await rows.filter({ hasText: 'failed in another way' }).waitFor();
      expect(await rows.count()).toBe(2);
    });

    test('when the service does not answer, the console says so, keeps the last state, and continues when the service answers again', async () => {
      const { page, wait } = await world.aConsole({ hasClock: true });
      await page.getByRole('row', { name: /^stock/ }).waitFor();
      await page.context().setOffline(true);
      await wait(5_000);
      await page.getByRole('alert').filter({ hasText: 'The service does not answer' }).waitFor();
      expect(await page.getByRole('row', { name: /^stock/ }).count()).toBe(1);
      await page.context().setOffline(false);
      await wait(5_000);
      await page.getByRole('alert').waitFor({ state: 'detached' });
    });
  });
}
