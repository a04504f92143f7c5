import { describe, expect, test } from '@jest/globals';

import { eventually } from '../support/eventually.ts';
import { SMALL } from './console-page.ts';
import type { World } from './world.ts';

export function sendTests(world: World): void {
  describe('the view with which a developer sends messages', () => {
    test('a developer publishes an event with the form that was made from its schema, the consumers complete it, and its id stays while the developer looks at another view', async () => {
      const { page, problems, show, violations } = await world.aConsole({ viewport: SMALL });
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
      await show('#/failures', 'Failures');
      await show('#/send', 'Send');
      expect(await page.locator('ol.outcomes code').innerText()).toBe(id);
      await eventually('the span of the completed message', async () => {
        const { spans } = await world.service.request<{
          spans: { name: string; attributes: Record<string, unknown> }[];
        }>('GET', `/console/dev/traces/${id}`);
        return spans.some(
          ({ name, attributes }) => name === 'process points' && attributes['surehop.outcome'] === 'completed',
        );
      });
      expect(problems).toEqual([]);
    });

    test('in the console, a developer makes attempts fail, sends a message that is not JSON, and kills the broker, which npm start then restarts', async () => {
      const { page, show } = await world.aConsole();
      await show('#/send', 'Send');
      await page.getByRole('combobox', { name: 'Queue' }).selectOption('points');
      await page.getByRole('spinbutton', { name: 'Attempts' }).fill('2');
      await page.getByRole('button', { name: 'Let them fail' }).click();
      await page.getByText('The next 2 attempts of points will fail.').waitFor();
      await page.getByText('The next 2 attempts will fail.').waitFor();
      await page.getByRole('spinbutton', { name: 'Attempts' }).fill('0');
      await page.getByRole('button', { name: 'Let them fail' }).click();
      await page.getByText('The next 2 attempts will fail.').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Send a poison message' }).click();
      await page.locator('ol.outcomes code').waitFor();
      const id = await page.locator('ol.outcomes code').innerText();
      await eventually(
        'the dead letter of the message that is not JSON',
        async () => (await world.deadLetters({ text: id, queue: 'points', status: 'open' })).length === 1,
      );
      const { pid } = world.environment.broker;
      const kill = page.getByRole('button', { name: 'Kill the broker' });
      expect(await kill.isDisabled()).toBe(true);
      await page.locator('.faults-grid').getByRole('checkbox').check();
      await kill.click();
      await eventually('another broker', () => world.environment.broker.pid !== pid);
      await eventually('the service that is ready again', async () => (await fetch(`${world.url}/readyz`)).ok);
    });
  });
}
