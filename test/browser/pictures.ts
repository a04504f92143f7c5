// Renders the pictures of docs/guides/console.md again: `npm run pictures`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { entry, Problem, say } from '../../infra/dev/runtime/command-line.ts';
import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { startPrivateEnvironment } from '../../infra/dev/runtime/private-environment.ts';
import { findChromium, startChromium } from '../support/chromium.ts';
import {
  aFailure,
  anOrderThatFails,
  aRejection,
  failing,
  failThirty,
  redriveOrder,
  type ListedDeadLetter,
} from '../support/failures.ts';
import { openConsole } from './console-page.ts';

const folder = join(rootDirectory, 'docs', 'guides', 'console');
const LARGE = { width: 1100, height: 700 };
const SMALL = { width: 400, height: 700 };

await entry(async () => {
  const found = await findChromium();
  if ('missing' in found) throw new Problem(found.missing);
  mkdirSync(folder, { recursive: true });
  const environment = await startPrivateEnvironment(say);
  const browser = await startChromium(found);
  try {
    const service = await failing(environment);
    const orderId = await anOrderThatFails(environment, service);
    await failThirty(service);
    await redriveOrder(service, orderId);
    await service.publish(
      Array.from({ length: 212 }, () => aFailure('TABLE_LOCKED', 'the table was locked by a migration', aRejection())),
    );
    await service.untilArchived(212, { code: 'TABLE_LOCKED' });
    const { url } = environment.service;
    const { deadLetters } = await service.request<{ deadLetters: ListedDeadLetter[] }>(
      'GET',
      '/dead-letters?status=open&code=SCHEMA_MISMATCH',
    );
    const large = await openConsole(browser, url, { viewport: LARGE });
    const dark = await openConsole(browser, url, { viewport: LARGE, colorScheme: 'dark' });
    const small = await openConsole(browser, url, { viewport: SMALL });
    const save = async ({ page }: typeof large, name: string) => {
      await page.evaluate(() => scrollTo(0, 0));
      const bytes = await page.screenshot({ animations: 'disabled' });
      writeFileSync(join(folder, `${name}.png`), bytes);
      say(`wrote the picture ${name}.png (${Math.round(bytes.length / 1_000)} KB)`);
    };
    const { page } = large;
    await page.getByRole('row', { name: /^stock/ }).waitFor();
    await page.waitForTimeout(6_000);
    await save(large, 'overview');
    await large.show('#/failures', 'Failures');
    await page.locator('table.dead-letters').waitFor();
    await save(large, 'failures');
    await small.show('#/failures', 'Failures');
    await small.page.locator('table.groups').waitFor();
    await save(small, 'small');
    await dark.show(`#/dead-letters/${deadLetters[0]!.id}`, 'Failed message');
    await dark.page.locator('ol.json').waitFor();
    await save(dark, 'message');
    await large.show('#/failures?code=TABLE_LOCKED', 'Failures');
    await page.getByText('All 212 that match').waitFor();
    await page.getByRole('button', { name: 'Redrive all…' }).click();
    await page.getByText(/212 messages will go back/).waitFor();
    await page.getByRole('textbox', { name: /^Reason/ }).fill('the migration is over');
    await save(large, 'redrive');
    await page.getByRole('button', { name: 'Redrive 212' }).click();
    await page.getByText(/messages redriven/).waitFor();
    await save(large, 'job');
    await large.show(`#/edit/${deadLetters[0]!.id}`, 'Edit and resend');
    const body = page.getByRole('textbox', { name: /^Body/ });
    await body.fill((await body.inputValue()).replace('"three euros"', '300'));
    await page.getByText('The body matches the schema of its event.').waitFor();
    await save(large, 'edit');
    await page.getByRole('button', { name: 'Reset' }).click();
    await large.show(`#/messages/${orderId}`, 'What happened to a message');
    await page.locator('ol.timeline').waitFor();
    await save(large, 'timeline');
    await dark.show(`#/traces/${orderId}`, 'Trace');
    await dark.page.locator('table.spans').waitFor();
    await save(dark, 'trace');
    await large.show('#/send', 'Send');
    await page.locator('form.publish').waitFor();
    await save(large, 'send');
    return 0;
  } finally {
    await browser.close();
    await environment.stop();
  }
});
