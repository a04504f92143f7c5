import { describe, expect, test } from '@jest/globals';

import { rowsOf } from './console-page.ts';
import type { World } from './world.ts';

export function timelineTests(world: World): void {
  describe('what happened to an order', () => {
    test('the console shows an order from its request through its retries, its dead letter and its redrive to its end, and links its follow-up event', async () => {
      const { page, problems } = await world.aConsole();
      const { orderId, deadLetterId } = world.order;
      await page.getByRole('textbox', { name: 'Message or order id' }).fill(orderId);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: 'What happened to a message' }).waitFor();
      await page.getByText(/Ended after \d/).waitFor();
      expect(await page.locator('p.large .badge').innerText()).toBe('rejected by a business rule');
      const steps = (await page.locator('ol.timeline li').allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
      // Both consumers of the order work at the same time, and therefore this test looks at one consumer after the other.
      const stepsWith = (pattern: RegExp) => steps.filter((step) => pattern.test(step));
      expect(stepsWith(/^\+0 ms .*(Accepted|Published)/)).toHaveLength(1);
      const ofStock = stepsWith(/ stock /).filter((step) => !step.includes('Attempt began'));
      expect(ofStock.map((step) => step.replace(/ \d+ \w+ \d{4}, .*/, ''))).toEqual([
        ...[1, 2, 4].map((seconds, index) =>
          expect.stringMatching(
            new RegExp(
              `^\\+.* Attempt failed stock .*attempt ${index + 1} UNKNOWN_ERROR this attempt failed .* next attempt after ${seconds} secs?$`,
            ),
          ),
        ),
        expect.stringMatching(/^\+.* Failed for good stock .*ATTEMPTS_EXHAUSTED .*Show the message$/),
        expect.stringMatching(/^\+.* Redriven stock .*redrive 1 the warehouse answers again by \S+/),
        expect.stringMatching(/^\+.* Rejected by a business rule stock .*Published the event order\.rejected$/),
      ]);
      expect(stepsWith(/Completed points/).length).toBeGreaterThanOrEqual(2);
      const after = steps.map((step) => /^\+(\S+ \S+)/.exec(step)?.[1]);
      expect(after.every((duration) => /^[\d.]+ (ms|sec)/.test(duration ?? ''))).toBe(true);
      const messages = await rowsOf(page, 'section[aria-labelledby="messages-title"] table');
      expect(messages.map(([, type, queue, state]) => `${type} ${queue} ${state}`).toSorted()).toEqual([
        expect.stringMatching(/^order\.created points completed/),
        expect.stringMatching(/^order\.created stock rejected/),
        expect.stringMatching(/^order\.rejected points completed/),
      ]);
      for (const [, , , , duration] of messages) expect(duration).toMatch(/^[\d.]+ (ms|sec)/);
      expect(await page.getByRole('link', { name: 'Show the message' }).first().getAttribute('href')).toBe(
        `#/dead-letters/${deadLetterId}`,
      );
      await page.getByRole('link', { name: 'order.rejected' }).click();
      await page.getByRole('heading', { level: 1, name: 'What happened to a message' }).waitFor();
      await page.getByText('order.rejected').first().waitFor();
      expect(new URL(page.url()).hash).not.toContain(orderId);
      // The page first asks for an order with the id of the follow-up event, and there is none.
      expect(problems.filter((problem) => !/status of 404/.test(problem))).toEqual([]);
    });

    test('the trace id of an order leads to its spans as a waterfall, with names, durations, outcomes and errors', async () => {
      const { page, problems, show } = await world.aConsole();
      await show(`#/messages/${world.order.orderId}`, 'What happened to a message');
      const link = page
        .locator('section[aria-labelledby="messages-title"] td')
        .getByRole('link', { name: /^[0-9a-f]{32}$/ });
      await link.first().focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: 'Trace', exact: true }).waitFor();
      await page.locator('table.spans tbody tr').nth(10).waitFor();
      const rows = await rowsOf(page, 'table.spans');
      const named = (pattern: RegExp) => rows.filter(([name = '']) => pattern.test(name));
      expect(named(/^level 1: POST \/orders/)).toEqual([
        [expect.anything(), '202', 'place-order', '+0 ms', expect.stringMatching(/^[\d.]+ m?s/), ''],
      ]);
      expect(named(/process stock/).map(([, outcome]) => outcome)).toEqual([
        'will be retried UNKNOWN_ERROR attempt 1',
        'will be retried UNKNOWN_ERROR attempt 2',
        'will be retried UNKNOWN_ERROR attempt 3',
        expect.stringMatching(/^failed for good \w+ attempt 4$/),
        'rejected attempt 1',
      ]);
      expect(named(/process stock failed .*this attempt failed because/)).toHaveLength(4);
      await page.getByRole('heading', { name: /Spans \d+ spans in .* failed/ }).waitFor();
      // The bar of the first span begins at the left edge, and a later span begins right of it.
      const starts = await page
        .locator('table.spans td.course span')
        .evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().left));
      expect(Math.min(...starts)).toBe(starts[0]);
      expect(Math.max(...starts)).toBeGreaterThan(starts[0]! + 50);
      await page.locator('table.spans summary').first().click();
      await page.getByText('http.route').first().waitFor();
      expect(problems).toEqual([]);
    });

    test('the console says that no span is known for an unknown trace id', async () => {
      const { page, show } = await world.aConsole();
      await show('#/traces/0af7651916cd43dd8448eb211c80319c', 'Trace');
      await page.getByText(/^No span has this id yet/).waitFor();
      expect(await page.locator('table').count()).toBe(0);
    });
  });
}
