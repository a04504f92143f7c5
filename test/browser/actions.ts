import { randomUUID } from 'node:crypto';

import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';

import { aFailure, aRejection } from '../support/failures.ts';
import { eventually } from '../support/eventually.ts';
import type { World } from './world.ts';

const BULK = 1_000;
const BULK_CODE = 'STORE_MAINTENANCE';

const fillReason = (page: Page, reason: string) => page.getByRole('textbox', { name: /^Reason/ }).fill(reason);

export function actionTests(world: World): void {
  describe('the actions', () => {
    test('an operator discards one message with a reason and redrives another one, and the history of each message shows the operator and the reason', async () => {
      const { page, problems, show } = await world.aConsole();
      for (const [action, code, result] of [
        ['Discard', 'PAYLOAD_MISMATCH', 'discarded'],
        ['Redrive', 'ATTEMPTS_EXHAUSTED', 'redriven'],
      ] as const) {
        const { id } = await world.aDeadLetter({ code });
        await show(`#/dead-letters/${id}`, 'Failed message');
        await page.getByRole('button', { name: `${action}…` }).click();
        const dialog = page.getByRole('dialog');
        expect(await dialog.getByRole('button', { name: action, exact: true }).isDisabled()).toBe(true);
        await fillReason(page, `because of ${code}`);
        await dialog.getByText('The same request with curl').click();
        expect(await dialog.locator('pre').innerText()).toContain(`${world.url}/dead-letters/${id}`);
        await dialog.getByRole('button', { name: action, exact: true }).click();
        await dialog.getByRole('button', { name: 'Close' }).click();
        await page
          .locator('ol.history li')
          .filter({ hasText: new RegExp(`${result}[\\s\\S]*developer[\\s\\S]*because of ${code}`) })
          .waitFor();
        const details = await world.service.request<{ status: string; history: { reason: string; by: string }[] }>(
          'GET',
          `/dead-letters/${id}`,
        );
        expect(details).toMatchObject({ status: result, history: [{ by: 'developer', reason: `because of ${code}` }] });
      }
      await page.getByText('After the redrive, the message was processed.').waitFor();
      expect(problems).toEqual([]);
    });

    test('an operator discards a selection of messages as a job, and can read the result of the job afterwards', async () => {
      const { page, problems, show } = await world.aConsole();
      await show('#/failures?queue=stock', 'Failures');
      const boxes = page.locator('table.dead-letters tbody').getByRole('checkbox');
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
      expect(await world.deadLetters({ queue: 'stock', status: 'discarded', limit: '50' })).toHaveLength(3);
      expect(problems).toEqual([]);
    });

    test('an operator edits a failed message, the console checks the body against its schema and shows the changes, and the edited message is completed', async () => {
      const { page, problems, show, violations } = await world.aConsole();
      const { id } = await world.aDeadLetter({ code: 'SCHEMA_MISMATCH' });
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
        const { spans } = await world.service.request<{
          spans: { name: string; attributes: Record<string, unknown> }[];
        }>('GET', `/console/dev/traces/${messageId}`);
        return spans.some(
          ({ name, attributes }) => name === 'process points' && attributes['surehop.outcome'] === 'completed',
        );
      });
      expect(await world.service.request('GET', `/dead-letters/${id}`)).toMatchObject({ status: 'superseded' });
      expect(problems).toEqual([]);
      await page.locator('main a code').click();
      await page.getByText('An operator created this message from another failed message.').waitFor();
      await page.getByText(/The last step so far was after \d/).waitFor();
      expect(await page.locator('p.large .badge').count()).toBe(0);
    });

    test('the page of a message that failed again after a redrive shows the redrive, with the operator and the reason, and the page of its first failure links to the new one', async () => {
      const { page, problems, show } = await world.aConsole();
      const { id, messageId } = await world.aDeadLetter({ code: 'SCHEMA_MISMATCH' });
      await world.service.request('POST', `/dead-letters/${id}/redrive`, { reason: 'the schema may be new' });
      const again = await eventually('the dead letter of the redriven message', async () =>
        (await world.deadLetters({ text: messageId, status: 'open' })).find((one) => one.id !== id),
      );
      await show(`#/dead-letters/${again.id}`, 'Failed message');
      await page
        .locator('ol.history li')
        .filter({ hasText: /^redriven .* by developer: the schema may be new$/ })
        .waitFor();
      expect(await page.getByText('No operator has acted').count()).toBe(0);
      await show(`#/dead-letters/${id}`, 'Failed message');
      await page.getByText('After the redrive, the message failed again:').waitFor();
      await page.getByRole('link', { name: 'Show the new dead letter' }).click();
      await eventually('the page of the new dead letter', () =>
        Promise.resolve(new URL(page.url()).hash === `#/dead-letters/${again.id}`),
      );
      await page.locator('.badge.open').waitFor();
      expect(problems).toEqual([]);
    });

    test('the console asks before the operator leaves an edit with changes, and keeps the changes if the operator stays', async () => {
      const { page, problems, show } = await world.aConsole();
      const { id, queue } = await world.aDeadLetter({ code: 'SCHEMA_MISMATCH' });
      await show(`#/edit/${id}`, 'Edit and resend');
      await page.locator('main .badge').filter({ hasText: queue }).waitFor();
      const body = page.getByRole('textbox', { name: /^Body/ });
      await body.fill('{"total": }');
      await page.getByText(/^Unexpected token/).waitFor();
      // The test answers each question of the page with "Cancel".
      await page.getByRole('link', { name: 'Jobs' }).click();
      await eventually('the question of the page', () => Promise.resolve(problems.length === 1));
      expect(problems.splice(0)).toEqual([expect.stringContaining('You have not sent your changes')]);
      expect(await body.inputValue()).toBe('{"total": }');
      expect(new URL(page.url()).hash).toBe(`#/edit/${id}`);
      await page.getByRole('button', { name: 'Reset' }).click();
      await page.getByRole('link', { name: 'Jobs' }).click();
      await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
      expect(problems).toEqual([]);
    });

    test('before a redrive of one message, of a selection or of all that match, the dialog says how many messages are older than the deduplication window', async () => {
      const { page, problems, show } = await world.aConsole();
      const code = 'PARTLY_OLD';
      const message = aRejection(undefined, {}, Date.now() - 100 * 86_400_000);
      await world.service.publish([aFailure(code, 'too late'), aFailure(code, 'too late')]);
      // The first message of the list, which is the newest dead letter, is the old message.
      await world.service.publish([aFailure(code, 'too late', message)]);
      await world.service.untilArchived(3, { code });
      await show(`#/failures?code=${code}`, 'Failures');
      const boxes = page.locator('table.dead-letters tbody').getByRole('checkbox');
      await boxes.nth(2).waitFor();
      const dialog = page.getByRole('dialog');
      const previews = async (count: number) => {
        await dialog.getByText(new RegExp(`^${count} messages? will go back to`)).waitFor();
        await dialog.getByText('1 will be skipped: older than the deduplication window').waitFor();
      };
      await page.getByRole('button', { name: 'Redrive all…' }).click();
      await previews(2);
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      for (const index of [0, 1, 2]) await boxes.nth(index).check();
      await page.getByRole('button', { name: 'Redrive the selected…' }).click();
      await previews(2);
      await fillReason(page, 'only the new messages');
      await dialog.getByRole('button', { name: 'Try one first' }).click();
      await dialog.getByText('After the redrive, the message was processed.').waitFor();
      await previews(1);
      await dialog.getByRole('checkbox', { name: /^Also redrive the messages that are older than/ }).check();
      await dialog.getByText('2 messages will go back to their queues.').waitFor();
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      const { id } = await world.aDeadLetter({ code, text: String(message.properties.messageId) });
      await show(`#/dead-letters/${id}`, 'Failed message');
      await page.getByRole('button', { name: 'Redrive…' }).click();
      await previews(0);
      await fillReason(page, 'it is too old');
      expect(await dialog.getByRole('button', { name: 'Redrive', exact: true }).isDisabled()).toBe(true);
      for (const deadLetter of await world.deadLetters({ code, status: 'open' }))
        await world.service.request('DELETE', `/dead-letters/${deadLetter.id}`, { reason: 'the test is over' });
      expect(problems).toEqual([]);
    });

    test('while the service does not answer, the console says that a job may still be running, and the operator cancels the job afterwards and still sees how many messages the job was for', async () => {
      const code = 'SLOW_JOB';
      await world.service.publish(Array.from({ length: 20 }, () => aFailure(code, 'wait for it')));
      await world.service.untilArchived(20, { code });
      const { page, show } = await world.aConsole();
      await show(`#/failures?code=${code}`, 'Failures');
      await page.getByRole('button', { name: 'Redrive all…' }).click();
      const dialog = page.getByRole('dialog');
      await fillReason(page, 'slowly');
      await dialog.getByRole('spinbutton').fill('0.1');
      await dialog.getByText('20 messages will go back to their queues.').waitFor();
      await dialog.getByRole('spinbutton').press('Enter');
      await page.getByText(/of \d+ messages redriven/).waitFor();
      let release = () => {};
      const held = new Promise<void>((resolve) => void (release = resolve));
      await page.route('**/dead-letters/jobs/*', async (route) => {
        if (route.request().postData()?.includes('cancel') !== true) return route.continue();
        await held;
        return route.abort();
      });
      await page.getByRole('button', { name: 'Cancel the job' }).click();
      expect(await page.getByRole('button', { name: 'Cancelling…' }).isDisabled()).toBe(true);
      release();
      await page.getByText('The service did not answer, and the job may still be running.').waitFor();
      await page.unroute('**/dead-letters/jobs/*');
      await page.getByRole('button', { name: 'Cancel the job' }).click();
      await page.locator('.badge.cancelled').waitFor();
      await page.reload();
      await page.getByText(/^\d+ of 20 messages redriven$/).waitFor();
      expect((await world.deadLetters({ code, status: 'open', limit: '50' })).length).toBeGreaterThan(0);
    });

    test('the Enter key sends a redrive only while its button is enabled, and the dialog offers to force the redrive only after a refusal', async () => {
      const code = 'ENTER_KEY';
      await world.service.publish([aFailure(code, 'press a key')]);
      await world.service.untilArchived(1, { code });
      const { id } = await world.aDeadLetter({ code });
      const { page, show } = await world.aConsole();
      const sent: string[] = [];
      page.on('request', (request) => {
        if (request.url().endsWith(`/${id}/redrive`)) sent.push(request.postData() ?? '');
      });
      await show(`#/dead-letters/${id}`, 'Failed message');
      await page.getByRole('button', { name: 'Redrive…' }).click();
      const dialog = page.getByRole('dialog');
      const reason = dialog.getByRole('textbox', { name: /^Reason/ });
      const force = dialog.getByRole('checkbox', { name: /^Publish another copy of this message/ });
      await dialog.getByText('1 message will go back to its queue.').waitFor();
      expect(await dialog.getByRole('checkbox').count()).toBe(0);
      await world.service.request('POST', `/dead-letters/${id}/redrive`, { reason: 'another operator was faster' });
      await reason.fill('one of two');
      await reason.press('Enter');
      await dialog.getByRole('alert').filter({ hasText: 'A copy of this message was already published.' }).waitFor();
      await force.check();
      await dialog.getByText('1 message will go back to its queue.').waitFor();
      expect(await dialog.getByRole('alert').count()).toBe(0);
      await force.uncheck();
      await dialog.getByText('0 messages will go back to their queues.').waitFor();
      await reason.press('Enter');
      await force.check();
      await dialog.getByText('1 message will go back to its queue.').waitFor();
      await reason.press('Enter');
      await dialog.getByRole('button', { name: 'Close' }).click();
      await eventually('the focus on the button that opened the dialog', () =>
        page.evaluate(() => document.activeElement?.textContent === 'Redrive…'),
      );
      expect(sent.map((body) => JSON.parse(body) as unknown)).toEqual([
        { reason: 'one of two' },
        { reason: 'one of two', force: true },
      ]);
    });

    test('if the message of a trial fails again, its new dead letter is not redriven with the rest, the trial takes a message that was never redriven, and the job names the cause of its messages', async () => {
      const ids = [randomUUID(), randomUUID(), randomUUID()];
      await world.service.publish(ids.map((id) => aRejection(id, { currency: 7 })));
      const untilAllAreOpen = () =>
        eventually('an open dead letter of each message', async () => {
          const found = await Promise.all(ids.map((text) => world.deadLetters({ text, status: 'open' })));
          return found.every((deadLetters) => deadLetters.length === 1);
        });
      await untilAllAreOpen();
      const { group } = (
        await world.service.request<{ deadLetters: { group: string }[] }>('GET', `/dead-letters?text=${ids[0]}`)
      ).deadLetters[0]!;
      const before = await world.aDeadLetter({ group });
      await world.service.request('POST', `/dead-letters/${before.id}/redrive`, { reason: 'it fails again' });
      await untilAllAreOpen();
      const { page, problems, show } = await world.aConsole();
      await show(`#/failures?group=${group}`, 'Failures');
      await page.getByRole('button', { name: 'Redrive all…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Redrive the messages with this cause' });
      await dialog.getByText('3 messages will go back to their queues.').waitFor();
      expect(await dialog.getByText('points', { exact: true }).count()).toBe(1);
      await fillReason(page, 'perhaps it works now');
      await dialog.getByRole('button', { name: 'Try one first' }).click();
      await dialog.getByText('After the redrive, the message failed again:').waitFor();
      await untilAllAreOpen();
      const link = dialog.getByRole('link', { name: 'Show what happened to the message' });
      expect(await link.getAttribute('href')).not.toContain(before.messageId);
      await dialog.getByText('2 messages will go back to their queues.').waitFor();
      await dialog.getByRole('button', { name: 'Redrive the other 2' }).click();
      await page.locator('.badge.done').waitFor();
      await page.getByText('2 messages redriven').waitFor();
      const messages = page.locator('main dd').filter({ hasText: 'SCHEMA_MISMATCH' });
      expect(await messages.innerText()).toMatch(
        /^points SCHEMA_MISMATCH \/currency Until: \d+ \w+ \d{4}, [\d:]+ Show those/,
      );
      await show('#/jobs', 'Jobs');
      await page.getByRole('row', { name: /perhaps it works now points SCHEMA_MISMATCH \/currency/ }).waitFor();
      await untilAllAreOpen();
      const redriven = await world.deadLetters({ group, status: 'redriven', limit: '50' });
      expect(redriven).toHaveLength(4);
      for (const deadLetter of await world.deadLetters({ group, status: 'open' }))
        await world.service.request('DELETE', `/dead-letters/${deadLetter.id}`, { reason: 'the test is over' });
      expect(problems).toEqual([]);
    });
  });
}

/** These tests come last, because they leave so many messages that each later request for all failures would be slow. */
export function bulkActionTests(world: World): void {
  describe('an action on many messages', () => {
    test(`an operator redrives one message as a trial and then the rest of ${BULK} messages as a job, and each message is redriven once and completed`, async () => {
      const code = BULK_CODE;
      await world.service.publish(
        Array.from({ length: BULK }, () =>
          aFailure(BULK_CODE, 'the table was locked', aRejection(undefined, { customerId: 'bulk' })),
        ),
      );
      await world.service.untilArchived(BULK, { code: BULK_CODE });
      const { page, problems, show } = await world.aConsole();
      await show(`#/failures?code=${code}`, 'Failures');
      await page.getByText(`All ${BULK.toLocaleString('en-GB')} that match`).waitFor();
      await page.getByRole('button', { name: 'Redrive all…' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText(/1,000 messages will go back to their queues/).waitFor();
      await fillReason(page, 'the maintenance is over');
      await dialog.getByRole('spinbutton').fill('1000');
      await dialog.getByRole('button', { name: 'Try one first' }).click();
      await dialog.getByText('After the redrive, the message was processed.').waitFor();
      await dialog.getByText(/999 messages will go back to their queues/).waitFor();
      await dialog.getByRole('button', { name: 'Redrive the other 999' }).click();
      await page.getByText('999 messages redriven').waitFor();
      await page.locator('.badge.done').waitFor();
      await eventually(
        'an empty queue',
        async () => {
          const { queues } = await world.service.request<{ queues: Record<string, unknown>[] }>('GET', '/status');
          return queues.every(
            ({ ready, unacknowledged, retrying }) => ready === 0 && unacknowledged === 0 && retrying === 0,
          );
        },
        120_000,
      );
      const count = async (status: string) => {
        const { groups } = await world.service.request<{ groups: { count: number }[] }>(
          'GET',
          `/dead-letters/groups?code=${code}&status=${status}`,
        );
        return groups.reduce((sum, group) => sum + group.count, 0);
      };
      expect([await count('open'), await count('redriven')]).toEqual([0, BULK]);
      expect(problems).toEqual([]);
    }, 400_000);
  });
}
