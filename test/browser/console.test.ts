import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';

import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { startPrivateEnvironment } from '../../infra/dev/runtime/private-environment.ts';
import { findChromium, startChromium } from '../support/chromium.ts';
import { openConsole, rowsOf, type ConsoleWishes, type OpenConsole } from './console-page.ts';
import { eventually } from '../support/eventually.ts';
import { anOpenIdProvider, type OpenIdProvider } from '../support/openid-provider.ts';
import {
  aFailure,
  aPoison,
  aRejection,
  failing,
  failThirty,
  type Failing,
  type ListedLetter,
} from '../support/failures.ts';

jest.setTimeout(180_000);

const found = await findChromium();
if ('missing' in found)
  process.stderr.write(`skipped: the tests of the console in a browser, because ${found.missing}\n`);
const describeInBrowser = 'missing' in found ? describe.skip : describe;

const BULK = 1_000;
const SMALL = { width: 400, height: 800 };

/** Returns how many pixels of the page are beyond the right edge of the window. */
const hiddenWidth = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describeInBrowser("the operators' console in a browser, with the service of npm start", () => {
  let environment: DevEnvironment;
  let browser: Browser;
  let service: Failing;
  let url: string;
  const open: OpenConsole[] = [];

  beforeAll(async () => {
    [environment, browser] = await Promise.all([
      startPrivateEnvironment(),
      startChromium(found as Exclude<typeof found, { missing: string }>),
    ]);
    ({ url } = environment.service);
    service = await failing(environment);
    await failThirty(service);
  }, 400_000);

  afterAll(async () => {
    for (const one of open) await one.close();
    await browser?.close();
    await environment?.stop();
  }, 120_000);

  const aConsole = async (wishes?: ConsoleWishes): Promise<OpenConsole> => {
    const opened = await openConsole(browser, url, wishes);
    open.push(opened);
    return opened;
  };
  const letters = async (query: Readonly<Record<string, string>>): Promise<ListedLetter[]> =>
    (await service.request<{ deadLetters: ListedLetter[] }>('GET', `/dead-letters?${new URLSearchParams(query)}`))
      .deadLetters;
  const aLetter = async (query: Readonly<Record<string, string>>): Promise<ListedLetter> => {
    const [letter] = await letters({ status: 'open', ...query });
    if (!letter) throw new Error(`no open dead letter matches ${JSON.stringify(query)}`);
    return letter;
  };
  const badges = (rows: readonly string[][]) => rows.map(([cause = '', count = '']) => `${cause} × ${count}`);
  const groups = async (page: Page) => badges(await rowsOf(page, 'table.groups')).toSorted();

  describe('the views', () => {
    test('the console logs the developer in automatically, and the overview shows the broker, the database and every queue', async () => {
      const { page, problems } = await aConsole();
      await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
      await page.getByRole('row', { name: /^stock/ }).waitFor();
      const rows = await rowsOf(page, 'section[aria-labelledby="queues-title"] table');
      expect(rows.map(([name]) => name)).toEqual(['stock', 'points']);
      await eventually('the state of both parts', async () => {
        const tiles = await page.locator('ul.tiles li').allInnerTexts();
        return tiles.filter((tile) => /answers/.test(tile)).length === 2;
      });
      await page.getByRole('link', { name: '30', exact: true }).waitFor();
      expect(problems).toEqual([]);
    });

    test('the console shows 30 failures as four causes with the number of failures, and each field of the filter reduces the list', async () => {
      const { page, problems, show } = await aConsole();
      await show('#/failures', 'Failures');
      await page.locator('table.groups').waitFor();
      const all = await groups(page);
      expect(all.map((group) => group.replace(/.*× /, '')).toSorted()).toEqual(['12', '5', '5', '8']);
      const reads = async (hash: string, expected: number) => {
        await show(hash, 'Failures');
        await eventually(`${expected} causes for ${hash}`, async () => (await groups(page)).length === expected);
        return groups(page);
      };
      expect(await reads('#/failures?queue=stock', 1)).toEqual([expect.stringMatching(/^stock .* × 12$/)]);
      expect(await reads('#/failures?code=SCHEMA_MISMATCH', 1)).toEqual([expect.stringMatching(/^points .* × 8$/)]);
      expect(await reads('#/failures?client=shop', 4)).toHaveLength(4);
      expect(await reads('#/failures?text=fail-next', 1)).toEqual([expect.stringMatching(/^points .* × 5$/)]);
      await show('#/failures?client=nobody', 'Failures');
      await page.getByText('No failed message matches the filter.').first().waitFor();
      expect(problems).toEqual([]);
    });

    test('the console shows a message with the faults beside the fields of the body, the headers, and the bytes for download', async () => {
      const { page, problems, show } = await aConsole();
      const { id } = await aLetter({ code: 'SCHEMA_MISMATCH' });
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
      await eventually('the cause of the message', async () => (await groups(page)).length === 1);
      expect(problems).toEqual([]);
    });

    test('the console shows new failures without a reload of the page', async () => {
      const { page, show } = await aConsole();
      await show('#/failures?client=late', 'Failures');
      await page.getByText('No failed message matches the filter.').first().waitFor();
      const { properties, ...message } = aRejection();
      await service.publish([
        aFailure('ATTEMPTS_EXHAUSTED', 'failed just now', { ...message, properties: { ...properties, appId: 'late' } }),
      ]);
      await eventually('the new cause', async () => (await groups(page)).length === 1);
      expect(await groups(page)).toEqual([expect.stringMatching(/ATTEMPTS_EXHAUSTED.* × 1$/)]);
    });

    test('when the service does not answer, the console says so, keeps the last state, and continues when the service answers again', async () => {
      const { page } = await aConsole();
      await page.getByRole('row', { name: /^stock/ }).waitFor();
      await page.context().setOffline(true);
      await page.getByRole('alert').filter({ hasText: 'The service does not answer' }).waitFor();
      expect(await page.getByRole('row', { name: /^stock/ }).count()).toBe(1);
      await page.context().setOffline(false);
      await page.getByRole('alert').waitFor({ state: 'detached' });
    });
  });

  describe('the actions', () => {
    const fillReason = (page: Page, reason: string) => page.getByRole('textbox', { name: /^Reason/ }).fill(reason);

    test('an operator discards one message with a reason and redrives another one, and the history shows who did it and why', async () => {
      const { page, problems, show } = await aConsole();
      for (const [action, code, result] of [
        ['Discard', 'PAYLOAD_MISMATCH', 'discarded'],
        ['Redrive', 'ATTEMPTS_EXHAUSTED', 'redriven'],
      ] as const) {
        const { id } = await aLetter({ code });
        await show(`#/dead-letters/${id}`, 'Failed message');
        await page.getByRole('button', { name: `${action}…` }).click();
        const dialog = page.getByRole('dialog');
        expect(await dialog.getByRole('button', { name: action, exact: true }).isDisabled()).toBe(true);
        await fillReason(page, `because of ${code}`);
        await dialog.getByText('The same request with curl').click();
        expect(await dialog.locator('pre').innerText()).toContain(`${url}/dead-letters/${id}`);
        await dialog.getByRole('button', { name: action, exact: true }).click();
        await dialog.getByRole('button', { name: 'Close' }).click();
        await page
          .locator('ol.history li')
          .filter({ hasText: new RegExp(`${result}[\\s\\S]*developer[\\s\\S]*because of ${code}`) })
          .waitFor();
        const details = await service.request<{ status: string; history: { reason: string; by: string }[] }>(
          'GET',
          `/dead-letters/${id}`,
        );
        expect(details).toMatchObject({ status: result, history: [{ by: 'developer', reason: `because of ${code}` }] });
      }
      expect(problems).toEqual([]);
    });

    test('an operator discards a selection of messages as a job, and can read the result of the job afterwards', async () => {
      const { page, problems, show } = await aConsole();
      await show('#/failures?queue=stock', 'Failures');
      const boxes = page.locator('table.letters tbody').getByRole('checkbox');
      await boxes.nth(2).waitFor();
      for (const index of [0, 1, 2]) await boxes.nth(index).check();
      await page.getByText('3 selected').waitFor();
      await page.getByRole('button', { name: 'Discard the selected…' }).click();
      await fillReason(page, 'three that are not JSON');
      await page.getByRole('dialog').getByRole('button', { name: 'Discard 3' }).click();
      await page.getByRole('heading', { level: 1, name: 'Job', exact: true }).waitFor();
      await page.getByText('3 messages discarded').waitFor();
      await show('#/jobs', 'Jobs');
      await page.getByRole('row', { name: /three that are not JSON.*done/ }).waitFor();
      expect(await letters({ queue: 'stock', status: 'discarded', limit: '50' })).toHaveLength(3);
      expect(problems).toEqual([]);
    });

    test('before a redrive of one message, of a selection or of all that match, the dialog says how many messages are older than the deduplication window', async () => {
      const { page, problems, show } = await aConsole();
      const code = 'PARTLY_OLD';
      const { properties, ...message } = aRejection();
      const publishedAt = new Date(Date.now() - 100 * 86_400_000).toISOString();
      const headers = { ...properties.headers, 'surehop-published-at': publishedAt };
      const old = aFailure(code, 'too late', { ...message, properties: { ...properties, headers } });
      await service.publish([old, aFailure(code, 'too late'), aFailure(code, 'too late')]);
      await service.untilArchived(3, { code });
      await show(`#/failures?code=${code}`, 'Failures');
      const boxes = page.locator('table.letters tbody').getByRole('checkbox');
      await boxes.nth(2).waitFor();
      const dialog = page.getByRole('dialog');
      const previews = async (count: number) => {
        await dialog.getByText(`${count} messages will go back to their queues.`).waitFor();
        await dialog.getByText('1 will be skipped: older than the deduplication window').waitFor();
      };
      await page.getByRole('button', { name: 'Redrive all…' }).click();
      await previews(2);
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      for (const index of [0, 1, 2]) await boxes.nth(index).check();
      await page.getByRole('button', { name: 'Redrive the selected…' }).click();
      await previews(2);
      await dialog.getByRole('checkbox', { name: /^Force/ }).check();
      await dialog.getByText('3 messages will go back to their queues.').waitFor();
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      const { id } = await aLetter({ code, text: String(properties.messageId) });
      await show(`#/dead-letters/${id}`, 'Failed message');
      await page.getByRole('button', { name: 'Redrive…' }).click();
      await previews(0);
      await fillReason(page, 'it is too old');
      expect(await dialog.getByRole('button', { name: 'Redrive', exact: true }).isDisabled()).toBe(true);
      for (const letter of await letters({ code }))
        await service.request('DELETE', `/dead-letters/${letter.id}`, { reason: 'the test is over' });
      expect(problems).toEqual([]);
    });

    test(`an operator redrives one message as a trial and then the rest of ${BULK} messages as a job, and each message is redriven once and completed`, async () => {
      const code = 'STORE_MAINTENANCE';
      await service.publish(
        Array.from({ length: BULK }, () =>
          aFailure(code, 'the table was locked', aRejection(undefined, { customerId: 'bulk' })),
        ),
      );
      await service.untilArchived(BULK, { code });
      const { page, problems, show } = await aConsole();
      await show(`#/failures?code=${code}`, 'Failures');
      await page.getByText(`All ${BULK.toLocaleString('en-GB')} that match`).waitFor();
      await page.getByRole('button', { name: 'Redrive all…' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText(/1,000 messages will go back to their queues/).waitFor();
      await fillReason(page, 'the maintenance is over');
      await dialog.getByRole('spinbutton').fill('1000');
      await dialog.getByRole('button', { name: 'Try one first' }).click();
      await dialog.getByText('The message was processed.').waitFor();
      await dialog.getByText(/999 messages will go back to their queues/).waitFor();
      await dialog.getByRole('button', { name: 'Redrive the other 999' }).click();
      await page.getByText('999 messages redriven').waitFor();
      await page.locator('.badge.done').waitFor();
      await eventually(
        'an empty queue',
        async () => {
          const { queues } = await service.request<{ queues: Record<string, unknown>[] }>('GET', '/status');
          return queues.every(
            ({ ready, unacknowledged, retrying }) => ready === 0 && unacknowledged === 0 && retrying === 0,
          );
        },
        120_000,
      );
      const count = async (status: string) => {
        const { groups } = await service.request<{ groups: { count: number }[] }>(
          'GET',
          `/dead-letters/groups?code=${code}&status=${status}`,
        );
        return groups.reduce((sum, group) => sum + group.count, 0);
      };
      expect([await count('open'), await count('redriven')]).toEqual([0, BULK]);
      expect(problems).toEqual([]);
    }, 400_000);

    test('an operator edits a failed message, the console checks the body against its schema and shows the changes, and the edited message is completed', async () => {
      const { page, problems, show, violations } = await aConsole();
      const { id } = await aLetter({ code: 'SCHEMA_MISMATCH' });
      await show(`#/dead-letters/${id}`, 'Failed message');
      await page.getByRole('link', { name: 'Edit and resend…' }).click();
      await page.getByText('The consumer would refuse this body:').waitFor();
      const body = page.getByRole('textbox', { name: /^Body/ });
      await fillReason(page, 'the total is known');
      const send = page.getByRole('button', { name: 'Send the edited message' });
      expect(await send.isDisabled()).toBe(true);
      await body.fill((await body.inputValue()).replace('"three euros"', '300'));
      await page.getByText('The body matches the schema of its event.').waitFor();
      const changes = await page.getByRole('list', { name: 'Changes' }).innerText();
      expect(changes).toContain('"three euros"');
      expect(changes).toContain('300');
      expect(await violations()).toEqual([]);
      await send.click();
      await page.getByText('The edited message is in its queue.').waitFor();
      const messageId = await page.locator('main a code').innerText();
      await eventually('the span of the completed edited message', async () => {
        const { spans } = await service.request<{ spans: { name: string; attributes: Record<string, unknown> }[] }>(
          'GET',
          `/console/dev/traces/${messageId}`,
        );
        return spans.some(
          ({ name, attributes }) => name === 'process points' && attributes['surehop.outcome'] === 'completed',
        );
      });
      expect(await service.request('GET', `/dead-letters/${id}`)).toMatchObject({ status: 'superseded' });
      expect(problems).toEqual([]);
    });

    test('an operator cancels a running job, and the messages that the job has not redriven stay open', async () => {
      const code = 'SLOW_JOB';
      await service.publish(Array.from({ length: 20 }, () => aFailure(code, 'wait for it')));
      await service.untilArchived(20, { code });
      const { page, show } = await aConsole();
      await show(`#/failures?code=${code}`, 'Failures');
      await page.getByRole('button', { name: 'Redrive all…' }).click();
      await fillReason(page, 'slowly');
      await page.getByRole('dialog').getByRole('spinbutton').fill('0.1');
      await page.getByRole('dialog').getByRole('button', { name: 'Redrive 20' }).click();
      await page.getByRole('button', { name: 'Cancel the job' }).click();
      await page.locator('.badge.cancelled').waitFor();
      expect((await letters({ code, status: 'open', limit: '50' })).length).toBeGreaterThan(0);
    });
  });

  describe('the view with which a developer sends messages', () => {
    test('a developer publishes an event with the form that was made from its schema, and the consumers complete it', async () => {
      const { page, problems, show, violations } = await aConsole({ viewport: SMALL });
      await show('#/send', 'Send');
      await page.getByRole('combobox', { name: 'Event' }).selectOption('order.rejected v1');
      await page.getByRole('textbox', { name: /^total/ }).fill('77');
      await page.keyboard.press('Tab');
      await eventually('the value of the field in the body', async () => {
        const text = await page.getByRole('textbox', { name: 'Body' }).inputValue();
        return (JSON.parse(text) as { total: number }).total === 77;
      });
      expect(await violations()).toEqual([]);
      await page.getByRole('button', { name: 'Publish', exact: true }).click();
      await page.locator('ol.outcomes li').waitFor();
      const id = await page.locator('ol.outcomes code').innerText();
      await eventually('the span of the completed message', async () => {
        const { spans } = await service.request<{ spans: { name: string; attributes: Record<string, unknown> }[] }>(
          'GET',
          `/console/dev/traces/${id}`,
        );
        return spans.some(
          ({ name, attributes }) => name === 'process points' && attributes['surehop.outcome'] === 'completed',
        );
      });
      expect(problems).toEqual([]);
    });

    test('in the console, a developer sends a message that is not JSON, and kills the broker, which npm start then restarts', async () => {
      const { page, show } = await aConsole();
      await show('#/send', 'Send');
      await page.getByRole('combobox', { name: 'Queue' }).selectOption('points');
      await page.getByRole('button', { name: 'Send a poison message' }).click();
      await page.locator('ol.outcomes li').waitFor();
      const id = await page.locator('ol.outcomes code').innerText();
      await eventually(
        'the dead letter of the message that is not JSON',
        async () => (await letters({ text: id, queue: 'points', status: 'open' })).length === 1,
      );
      const { pid } = environment.broker;
      const kill = page.getByRole('button', { name: 'Kill the broker' });
      expect(await kill.isDisabled()).toBe(true);
      await page.locator('.faults-grid').getByRole('checkbox').check();
      await kill.click();
      await eventually('another broker', () => environment.broker.pid !== pid);
      await eventually('the service that is ready again', async () => (await fetch(`${url}/readyz`)).ok);
    });
  });

  describe('people who use no mouse, a small window, a dark theme, a screen reader or Chinese', () => {
    test('with the keyboard alone, an operator finds and discards a failure, and the keyboard focus stays in place', async () => {
      const { page, problems } = await aConsole();
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
        throw new Error(`60 presses of Tab do not reach ${String(wanted)}; the last element is ${await focused()}`);
      };
      await press('Tab');
      expect(await focused()).toBe('A Skip to the content');
      await tabTo(/^A Failures$/);
      await press('Enter');
      await page.locator('table.letters').waitFor();
      await page.locator('table.groups').waitFor();
      expect(await focused()).toBe('H1 Failures');
      await tabTo(/^BUTTON Discard… stock/);
      await press('Enter');
      await page.getByRole('dialog').waitFor();
      await press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      expect(await focused()).toMatch(/^BUTTON Discard… stock/);
      const { id } = await aLetter({ queue: 'stock' });
      await page.goto(`${url}/console#/dead-letters/${id}`);
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

    test.each([
      ['light theme in a small window', { colorScheme: 'light', viewport: SMALL }],
      ['dark theme in a large window', { colorScheme: 'dark', viewport: { width: 1600, height: 1000 } }],
    ] as const)(
      'axe-core finds no accessibility problem in any view of the console with the %s, and no view is wider than the window',
      async (_, wishes) => {
        const opened = await aConsole(wishes);
        const { page, show, violations } = opened;
        const { id } = await aLetter({ code: 'SCHEMA_MISMATCH' });
        const [job] = (await service.request<{ jobs: { id: string }[] }>('GET', '/dead-letters/jobs')).jobs;
        const wrong: string[] = [];
        const check = async (view: string) => {
          wrong.push(...(await violations()).map((one) => `${view}: ${one}`));
          const hidden = await hiddenWidth(page);
          if (hidden > 0) wrong.push(`${view}: ${hidden} px are outside of the window`);
        };
        await page
          .getByRole('row', { name: /^stock|stock/ })
          .first()
          .waitFor();
        await check('overview');
        await show('#/failures', 'Failures');
        await page.locator('table.letters').waitFor();
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
        expect(wrong).toEqual([]);
      },
    );

    test('a browser whose language is Chinese shows the console in Chinese, with times and numbers in Chinese notation', async () => {
      const { page, problems, violations } = await aConsole({ locale: 'zh-CN' });
      await page.getByRole('heading', { level: 1, name: '总览' }).waitFor();
      expect(await page.locator('html').getAttribute('lang')).toBe('zh-Hans');
      await page.getByRole('link', { name: '失败消息' }).click();
      await page.locator('table.letters').waitFor();
      expect(await page.locator('table.groups time').first().innerText()).toMatch(/前|现在/);
      const english = (await page.locator('main').innerText()).match(
        /\b(?:Redrive|Discard|Cause|Messages|Queue|Filter)\b/g,
      );
      expect(english).toBeNull();
      expect(await violations()).toEqual([]);
      expect(problems).toEqual([]);
    });
  });

  describe('hostile content and hostile pages', () => {
    const MARKUP = `<img src=x onerror="alert('markup')"><script>alert('script')</script></script>"'\u0000`;
    const REVERSED = '\u202Egpj.exe\u2066';

    test('the console shows markup, right-to-left marks and one megabyte of text in a message as plain text, and the page stays intact', async () => {
      const id = `hostile-${REVERSED}<b>`;
      const body = JSON.stringify({ orderId: MARKUP, note: REVERSED, text: 'x'.repeat(1_000_000) });
      const message = aPoison('stock', body, id);
      const headers = { '<i>header</i>': MARKUP, reversed: REVERSED };
      await service.publish([
        aFailure('HOSTILE', `${MARKUP} ${REVERSED}`, { ...message, properties: { ...message.properties, headers } }),
      ]);
      await service.untilArchived(1, { code: 'HOSTILE' });
      for (const viewport of [SMALL, { width: 1280, height: 900 }]) {
        const { page, problems, show } = await aConsole({ viewport });
        await show('#/failures?code=HOSTILE', 'Failures');
        await page.locator('table.letters').waitFor();
        expect(await page.locator('main').innerText()).toContain('<img src=x');
        const letter = await aLetter({ code: 'HOSTILE' });
        await show(`#/dead-letters/${letter.id}`, 'Failed message');
        await page.getByRole('button', { name: 'Download the bytes' }).waitFor();
        const shown = await page.locator('main').innerText();
        expect(shown).toContain(`<script>alert('script')</script>`);
        expect(shown).toContain('<i>header</i>');
        expect(shown).not.toContain('\u202E');
        expect(await page.locator('main img, main script, main b, main i').count()).toBe(0);
        expect(await hiddenWidth(page)).toBe(0);
        expect(problems).toEqual([]);
      }
    });

    describe('a page of another site', () => {
      let server: Server;
      let attacker: string;
      beforeAll(async () => {
        server = createServer((_, response) =>
          response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>attacker</title>'),
        );
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        attacker = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      });
      afterAll(() => {
        server.closeAllConnections();
        server.close();
      });

      test('a page of another site reads no token, changes nothing and cannot show the console in a frame', async () => {
        const page = await browser.newPage();
        const { pid } = environment.broker;
        // Pages at localhost and at 127.0.0.1 belong to different sites; a page on another port of localhost to the same site.
        for (const site of [attacker, attacker.replace('127.0.0.1', 'localhost')]) {
          await page.goto(site);
          const read = await page.evaluate(async (target) => {
            const attempt = async (path: string, init?: RequestInit) => {
              try {
                const response = await fetch(target + path, init);
                return response.type === 'opaque' ? 'opaque' : await response.text();
              } catch {
                return 'refused';
              }
            };
            const body = '{}';
            return [
              await attempt('/console/session'),
              await attempt('/console/session', { credentials: 'include' }),
              await attempt('/console/session', { mode: 'no-cors' }),
              await attempt('/openapi.json'),
              await attempt('/console/dev/kill-broker', { method: 'POST', mode: 'no-cors', body }),
              await attempt('/console/dev/kill-broker', {
                method: 'POST',
                headers: { 'content-type': 'application/json' },
                body,
              }),
            ];
          }, url);
          expect([site, ...read]).toEqual([
            site,
            'refused',
            'refused',
            'refused',
            'refused',
            expect.stringMatching(/opaque|refused/),
            'refused',
          ]);
          await page.evaluate((target) => {
            const frame = document.createElement('iframe');
            frame.src = `${target}/console`;
            document.body.append(frame);
            const form = Object.assign(document.createElement('form'), {
              method: 'post',
              action: `${target}/console/dev/kill-broker`,
              target: 'elsewhere',
              enctype: 'text/plain',
            });
            document.body.append(form);
            const other = document.createElement('iframe');
            other.name = 'elsewhere';
            document.body.append(other);
            form.submit();
          }, url);
          await eventually('the refused frame', () =>
            page.frames().some((frame) => frame.url().startsWith('chrome-error:')),
          );
          for (const frame of page.frames()) expect(await frame.locator('#console').count()).toBe(0);
        }
        expect(environment.broker.pid).toBe(pid);
        await page.close();
      });
    });
  });

  describe('tokens that do not allow everything', () => {
    test('an operator without any scope sees no data in any view of the console, and each view says that it is not allowed', async () => {
      const scopes: string[] = [];
      const { page, show } = await aConsole({ session: { token: await environment.service.token(...scopes), scopes } });
      const answered: number[] = [];
      page.on('response', (response) => {
        if (/\/(status|dead-letters)/.test(new URL(response.url()).pathname)) answered.push(response.status());
      });
      await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
      await page.getByText(/lacks the scope status:read/).waitFor();
      await show('#/failures', 'Failures');
      await page
        .getByText(/Your token does not allow this/)
        .first()
        .waitFor();
      await show('#/jobs', 'Jobs');
      await page
        .getByText(/Your token does not allow this/)
        .first()
        .waitFor();
      const { id } = await aLetter({});
      await show(`#/dead-letters/${id}`, 'Failed message');
      await page
        .getByText(/Your token does not allow this/)
        .first()
        .waitFor();
      expect(answered.filter((status) => status !== 403)).toEqual([]);
      expect(await page.locator('table').count()).toBe(0);
    });

    test('for an operator who may only read, the console shows the failures, and each button that changes something names the missing scope and does nothing', async () => {
      const scopes = ['status:read', 'dead-letters:read'];
      const session = { token: await environment.service.token(...scopes), scopes };
      const { page, problems, show } = await aConsole({ session });
      await show('#/failures', 'Failures');
      await page.locator('table.letters').waitFor();
      const button = page.getByRole('button', { name: /Redrive all….*needs the scope dead-letters:redrive/ });
      await button.click({ force: true });
      expect(await page.getByRole('dialog').count()).toBe(0);
      expect(problems).toEqual([]);
    });
  });

  describe('the login at an OpenID provider', () => {
    const SCOPES = ['status:read', 'dead-letters:read'];
    let provider: OpenIdProvider;
    beforeAll(async () => {
      provider = await anOpenIdProvider(() => environment.service.token(...SCOPES));
    });
    afterAll(() => provider?.stop());

    /** Makes the local service's page use a login at an OpenID provider. */
    const withLogin = (page: Page) =>
      page.route(`${url}/console*`, async (route) => {
        const response = await route.fetch();
        const { issuer, clientId } = provider;
        const login = { issuer, clientId, scopes: ['openid', ...SCOPES] };
        const html = await response.text();
        const body = html.replace('"scopePrefix":', () => `"login":${JSON.stringify(login)},"scopePrefix":`);
        if (body === html) throw new Error('the page contains no configuration');
        const policy = response.headers()['content-security-policy']!.replace('connect-src', `connect-src ${issuer}`);
        await route.fulfill({ response, body, headers: { ...response.headers(), 'content-security-policy': policy } });
      });

    test('an operator logs in with an authorization code and PKCE and returns to the same view, and no storage of the browser contains the token', async () => {
      const page = await browser.newPage();
      await withLogin(page);
      await page.goto(`${url}/console#/failures?queue=stock`);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByRole('link', { name: 'Continue as ada' }).click();
      await page.getByRole('heading', { level: 1, name: 'Failures' }).waitFor({ timeout: 60_000 });
      await page.locator('table.groups').waitFor({ timeout: 60_000 });
      expect(page.url()).toBe(`${url}/console#/failures?queue=stock`);
      expect(provider.logins).toEqual([
        expect.objectContaining({ redirect_uri: `${url}/console`, scope: 'openid status:read dead-letters:read' }),
      ]);
      const stored = await page.evaluate(() => [
        JSON.stringify(sessionStorage),
        JSON.stringify(localStorage),
        document.cookie,
      ]);
      expect(stored).toEqual(['{}', '{}', '']);
      expect(await page.content()).not.toContain('eyJ');
      await page.close();
    });

    test('the console does not exchange an authorization code that another site has put into the address of the page', async () => {
      const page = await browser.newPage();
      await withLogin(page);
      const before = provider.exchanged();
      await page.goto(`${url}/console?code=from-another-site&state=guessed`);
      await page.getByRole('button', { name: 'Log in' }).waitFor({ timeout: 60_000 });
      expect(page.url()).not.toContain('code=');
      expect(provider.exchanged()).toBe(before);
      await page.close();
    });
  });

  test('no page can show the console in a frame, and the console runs no script except its own', async () => {
    const response = await fetch(`${url}/console`);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });
});
