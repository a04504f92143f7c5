import { describe, expect, test } from '@jest/globals';

import { eventually } from '../support/eventually.ts';
import { hiddenWidth, SMALL, type ConsoleOptions } from './console-page.ts';
import type { World } from './world.ts';

export function readerTests(world: World): void {
  describe('people who use no mouse, a small window, a dark theme, a screen reader or Chinese', () => {
    test('with the keyboard alone, an operator finds and discards a failure, and the keyboard focus stays in place', async () => {
      const { page, problems } = await world.aConsole();
      await page.getByRole('row', { name: /^stock/ }).waitFor();
      const press = (...keys: string[]) =>
        keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
      const focused = () =>
        page.evaluate(() => {
          const { activeElement: element } = document;
          return `${element?.tagName} ${element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? ''}`;
        });
      const tabTo = async (wanted: RegExp) => {
        for (let presses = 0; presses < 60; presses += 1) {
          if (wanted.test(await focused())) return;
          await press('Tab');
        }
        throw new Error(
          `${String(wanted)} has no focus after 60 presses of Tab; the focused element is ${await focused()}`,
        );
      };
      await press('Tab');
      expect(await focused()).toBe('A Skip to the content');
      await tabTo(/^A Failures$/);
      await press('Enter');
      await page.locator('table.dead-letters').waitFor();
      await page.locator('table.groups').waitFor();
      expect(await focused()).toBe('H1 Failures');
      await tabTo(/^BUTTON Discard… stock/);
      await press('Enter');
      await page.getByRole('dialog').waitFor();
      await press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      expect(await focused()).toMatch(/^BUTTON Discard… stock/);
      const { id } = await world.aDeadLetter({ queue: 'stock' });
      await page.goto(`${world.url}/console#/dead-letters/${id}`);
      await page.getByRole('heading', { level: 1, name: 'Failed message' }).waitFor();
      await page.getByRole('button', { name: 'Discard…' }).waitFor();
      await tabTo(/^BUTTON Discard…$/);
      await press('Enter');
      await page.getByRole('dialog').waitFor();
      await eventually('the focus in the field of the reason', async () => (await focused()).startsWith('INPUT'));
      await page.keyboard.type('by keyboard');
      await tabTo(/^BUTTON Discard$/);
      await press('Enter');
      await page.getByText('The message is discarded.').waitFor();
      await press('Enter');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.locator('ol.history li').filter({ hasText: 'by keyboard' }).waitFor();
      expect(problems).toEqual([]);
    });

    const problemsOf = async (name: string, options: ConsoleOptions): Promise<string[]> => {
      const { page, show, violations } = await world.aConsole(options);
      const { id } = await world.aDeadLetter({ code: 'SCHEMA_MISMATCH' });
      const [job] = (await world.service.request<{ jobs: { id: string }[] }>('GET', '/dead-letters/jobs')).jobs;
      const wrong: string[] = [];
      const check = async (view: string) => {
        wrong.push(...(await violations()).map((one) => `${name}, ${view}: ${one}`));
        const hidden = await hiddenWidth(page);
        if (hidden > 0) wrong.push(`${name}, ${view}: ${hidden} px are outside of the window`);
      };
      await page
        .getByRole('row', { name: /^stock|stock/ })
        .first()
        .waitFor();
      await check('overview');
      await show('#/failures?queue=stock', 'Failures');
      await page.locator('table.dead-letters').waitFor();
      await check('failures');
      await page.getByRole('button', { name: 'Redrive all…' }).click();
      await page.getByText(/will go back to their queues/).waitFor();
      await check('dialog');
      await page.keyboard.press('Escape');
      await show(`#/dead-letters/${id}`, 'Failed message');
      await page.locator('ol.json').waitFor();
      await check('message');
      await show('#/jobs', 'Jobs');
      await page.locator('main table').waitFor();
      await check('jobs');
      await show(`#/jobs/${job!.id}`, 'Job');
      await page.locator('main dl').waitFor();
      await check('job');
      await show('#/failures?client=nobody', 'Failures');
      await page.getByText('No failed message matches the filter.').first().waitFor();
      await check('no failures');
      const { orderId } = world.order;
      await show(`#/messages/${orderId}`, 'What happened to a message');
      await page.locator('ol.timeline').waitFor();
      await check('timeline');
      await show(`#/traces/${orderId}`, 'Trace');
      await page.locator('table.spans').waitFor();
      await check('trace');
      return wrong;
    };

    test('axe-core finds no accessibility problem in any view of the console, in light and dark, and no view is wider than a small or large window', async () => {
      const problems = await Promise.all([
        problemsOf('light and small', { colorScheme: 'light', viewport: SMALL }),
        problemsOf('dark and large', { colorScheme: 'dark', viewport: { width: 1600, height: 1000 } }),
      ]);
      expect(problems.flat()).toEqual([]);
    });

    test('a browser whose language is Chinese shows the console in Chinese, with times and numbers in Chinese notation', async () => {
      const { page, problems, violations } = await world.aConsole({ locale: 'zh-CN' });
      await page.getByRole('heading', { level: 1, name: '总览' }).waitFor();
      expect(await page.locator('html').getAttribute('lang')).toBe('zh-Hans');
      await page.getByRole('link', { name: '失败消息' }).click();
      await page.locator('table.dead-letters').waitFor();
      expect(await page.locator('table.groups time').first().innerText()).toMatch(/前|现在/);
      const english = (await page.locator('main').innerText()).match(
        /\b(?:Redrive|Discard|Cause|Messages|Queue|Filter)\b/g,
      );
      expect(english).toBeNull();
      await page.getByText('不会搜索正文').waitFor();
      await page.evaluate(() => void (location.hash = '#/failures?code=no-such-code'));
      const refused = page.getByRole('alert').filter({ hasText: '路径或查询参数无效 (400)' });
      await refused.waitFor();
      // The original answer of the service stays readable.
      expect(await refused.locator('[lang=en]').first().innerText()).toMatch(/[a-z]/);
      expect(await violations()).toEqual([]);
      // The browser reports the response with the status 400.
      expect(problems.filter((problem) => !/status of 400/.test(problem))).toEqual([]);
    });
  });
}
