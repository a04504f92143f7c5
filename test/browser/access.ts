import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';

import type { ConsoleConfiguration } from '../../lib/operations/console.ts';
import { anOpenIdProvider, type OpenIdProvider } from '../support/openid-provider.ts';
import type { World } from './world.ts';

export function accessTests(world: World): void {
  /** Adds the given values to the console configuration in the HTML page that the local service returns. */
  const withConfiguration = (page: Page, configuration: Partial<ConsoleConfiguration>) =>
    page.route(`${world.url}/console*`, async (route) => {
      const response = await route.fetch();
      const html = await response.text();
      const more = JSON.stringify(configuration).slice(1, -1);
      const body = html.replace('"scopePrefix":', () => `${more},"scopePrefix":`);
      if (body === html)
        throw new Error("the page of the operators' console does not contain the configuration of the console");
      const connect = ['connect-src', configuration.login?.issuer].filter(Boolean).join(' ');
      const policy = response.headers()['content-security-policy']!.replace('connect-src', connect);
      await route.fulfill({ response, body, headers: { ...response.headers(), 'content-security-policy': policy } });
    });

  describe('tokens that do not allow everything', () => {
    test('an operator without any scope sees no data in any view of the console, and each view says that it is not allowed', async () => {
      const scopes: string[] = [];
      const { page, show } = await world.aConsole({
        session: { token: await world.environment.service.token(...scopes), scopes },
      });
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
      const { id } = await world.aDeadLetter({});
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
      const session = { token: await world.environment.service.token(...scopes), scopes };
      const { page, problems, show } = await world.aConsole({ session });
      await show('#/failures', 'Failures');
      await page.locator('table.dead-letters').waitFor();
      const button = page.getByRole('button', { name: /Redrive all….*needs the scope dead-letters:redrive/ });
      await button.click({ force: true });
      expect(await page.getByRole('dialog').count()).toBe(0);
      expect(problems).toEqual([]);
    });
  });

  test('in a deployed stage, a trace id is a link only if the service has configured the address of its traces', async () => {
    const scopes = ['dead-letters:read'];
    const session = { token: await world.environment.service.token(...scopes), scopes };
    const { page, problems, show } = await world.aConsole({ session });
    const { orderId, deadLetterId } = world.order;
    await show(`#/dead-letters/${deadLetterId}`, 'Failed message');
    const traceId = page.locator('dl.facts div').filter({ hasText: 'Trace id' });
    await traceId.getByRole('button', { name: 'Copy: Trace id' }).waitFor();
    const id = await traceId.locator('code').innerText();
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(await traceId.getByRole('link').count()).toBe(0);
    await withConfiguration(page, { trace: 'https://traces.example.com/trace/{id}?from=console' });
    await page.reload();
    await show(`#/messages/${orderId}`, 'What happened to a message');
    const link = page.getByRole('link', { name: id }).first();
    await link.waitFor();
    expect(await link.getAttribute('href')).toBe(`https://traces.example.com/trace/${id}?from=console`);
    expect(problems).toEqual([]);
  });

  describe('the login at an OpenID provider', () => {
    const SCOPES = ['status:read', 'dead-letters:read'];
    let provider: OpenIdProvider;
    beforeAll(async () => {
      provider = await anOpenIdProvider(() => world.environment.service.token(...SCOPES));
    });
    afterAll(() => provider?.stop());

    /** Adds the settings of an OpenID login to the console page that the local service serves. */
    const withLogin = (page: Page) => {
      const { issuer, clientId } = provider;
      return withConfiguration(page, { login: { issuer, clientId, scopes: ['openid', ...SCOPES] } });
    };

    test('an operator logs in with an authorization code and PKCE and returns to the same view, and no storage of the browser contains the token', async () => {
      const page = await world.browser.newPage();
      await withLogin(page);
      await page.goto(`${world.url}/console#/failures?queue=stock`);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByRole('link', { name: 'Continue as ada' }).click();
      await page.getByRole('heading', { level: 1, name: 'Failures' }).waitFor({ timeout: 60_000 });
      await page.locator('table.groups').waitFor({ timeout: 60_000 });
      expect(page.url()).toBe(`${world.url}/console#/failures?queue=stock`);
      expect(provider.logins).toEqual([
        expect.objectContaining({
          redirect_uri: `${world.url}/console`,
          scope: 'openid status:read dead-letters:read',
        }),
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
      const page = await world.browser.newPage();
      await withLogin(page);
      const before = provider.exchanged();
      await page.goto(`${world.url}/console?code=from-another-site&state=guessed`);
      await page.getByRole('button', { name: 'Log in' }).waitFor({ timeout: 60_000 });
      expect(page.url()).not.toContain('code=');
      expect(provider.exchanged()).toBe(before);
      await page.close();
    });
  });
}
