import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** How long the page may take to show a change, in ms. The limit is high, because the tests run on busy machines. */
const PATIENCE_MS = 60_000;

export interface OpenConsole {
  readonly page: Page;
  /**
   * The problems that the browser reports for the page: errors, violations of the content security policy, and requests
   * to other origins.
   */
  readonly problems: string[];
  /** Shows a view of the console, for example `#/failures`, and waits for the heading of the view. */
  show(hash: string, heading: string): Promise<void>;
  /** Returns the accessibility problems that axe-core finds in the current state of the page. */
  violations(): Promise<string[]>;
  /** Lets the timers of the page run as if the given time had passed, in ms. */
  wait(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface ConsoleOptions extends Pick<
  BrowserContextOptions,
  'colorScheme' | 'viewport' | 'locale' | 'timezoneId'
> {
  /** The operator's token and its scopes. By default, `npm start` issues a token with every scope. */
  readonly session?: { readonly token: string; readonly scopes: readonly string[] };
  /** Whether Playwright replaces the clock of the page, so that the test can advance the clock with `wait`. */
  readonly hasClock?: boolean;
  /** JSON responses that replace the responses of the service, by the path of the request. */
  readonly responses?: Readonly<Record<string, object>>;
  /** The language in the URL of the page. Without it, the page uses the browser's language. */
  readonly language?: string;
}

export async function openConsole(
  browser: Browser,
  url: string,
  { session, hasClock = false, responses = {}, language, ...options }: ConsoleOptions = {},
): Promise<OpenConsole> {
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => void problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(url).origin) problems.push(`request to ${origin}`);
  });
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  if (session)
    await page.route('**/console/session', (route) =>
      route.fulfill({ json: { ...session, expiresAt: new Date(Date.now() + 3_600_000).toISOString(), local: true } }),
    );
  for (const [path, json] of Object.entries(responses))
    await page.route(url + path, (route) => route.fulfill({ json }));
  if (hasClock) await page.clock.install();
  await page.goto(`${url}/console${language === undefined ? '' : `?lang=${language}`}`);
  return {
    page,
    problems,
    async show(hash, heading) {
      await page.evaluate((wanted) => void (location.hash = wanted), hash);
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
    },
    async violations() {
      // In the legacy mode, axe-core opens no second tab for each analysis. It cannot look into frames, which the page never has.
      // Without the option, the results describe each element of the page for each rule that it follows.
      const { violations } = await new AxeBuilder({ page })
        .setLegacyMode()
        .options({ resultTypes: ['violations'] })
        .analyze();
      return violations.map(
        ({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target.join(' ')).join('; ')})`,
      );
    },
    wait: (ms) => page.clock.fastForward(ms),
    close: () => context.close(),
  };
}

/** Returns the texts of a table's cells, row by row, without the header. */
export const rowsOf = (page: Page, table: string): Promise<string[][]> =>
  page
    .locator(`${table} tbody tr`)
    .evaluateAll((rows) =>
      rows.map((row) => Array.from(row.children, (cell) => (cell.textContent ?? '').replaceAll(/\s+/g, ' ').trim())),
    );

/** The causes that the view "Failures" shows, each with its number of messages. */
export const groupsIn = async (page: Page): Promise<string[]> =>
  (await rowsOf(page, 'table.groups')).map(([cause = '', count = '']) => `${cause} × ${count}`).toSorted();

/** The smallest window in which the operators' console must be usable, in CSS pixels. */
export const SMALL = { width: 400, height: 800 };

/** Returns how many pixels of the page are beyond the right edge of the window. */
export const hiddenWidth = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
