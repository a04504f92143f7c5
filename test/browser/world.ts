import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Browser } from 'playwright-core';

import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { startPrivateEnvironment } from '../../infra/dev/runtime/private-environment.ts';
import { startChromium, type Chromium } from '../support/chromium.ts';
import {
  anOrderThatFails,
  failing,
  failThirty,
  redriveOrder,
  type Failing,
  type ListedDeadLetter,
} from '../support/failures.ts';
import { openConsole, type ConsoleOptions, type OpenConsole } from './console-page.ts';

/**
 * An order whose message failed at each attempt, was redriven once, and was then rejected because nothing is in stock.
 */
interface RedrivenOrder {
  readonly orderId: string;
  readonly deadLetterId: string;
}

/**
 * The browser, and the running service, whose archive contains failed messages. All browser tests of the console share
 * both.
 */
export interface World {
  readonly environment: DevEnvironment;
  readonly browser: Browser;
  readonly service: Failing;
  readonly url: string;
  readonly order: RedrivenOrder;
  /** Opens the console in a tab, which closes after the test. */
  aConsole(options?: ConsoleOptions): Promise<OpenConsole>;
  /** Returns the dead letters that match a query. */
  deadLetters(query: Readonly<Record<string, string>>): Promise<ListedDeadLetter[]>;
  /** Returns one dead letter that matches a query and was not redriven, discarded or edited yet. */
  aDeadLetter(query: Readonly<Record<string, string>>): Promise<ListedDeadLetter>;
}

/**
 * Starts the service and the browser before the tests of the surrounding `describe`, and stops both after the tests.
 */
export function aWorld(found: Chromium | { readonly missing: string }): World {
  let started: Pick<World, 'environment' | 'browser' | 'service' | 'order'> | undefined;
  const open: OpenConsole[] = [];

  beforeAll(async () => {
    if ('missing' in found) throw new Error(found.missing);
    const [environment, browser] = await Promise.all([startPrivateEnvironment(), startChromium(found)]);
    started = { environment, browser, service: await failing(environment), order: { orderId: '', deadLetterId: '' } };
    const { service } = started;
    const orderId = await anOrderThatFails(environment, service);
    // The order fails for the last time while the other messages fail.
    await failThirty(service);
    started = { ...started, order: { orderId, deadLetterId: await redriveOrder(service, orderId) } };
  }, 400_000);

  // An open console sends requests all the time, which would make the next tests slower.
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });

  afterAll(async () => {
    await started?.browser.close();
    await started?.environment.stop();
  }, 120_000);

  const running = () => {
    if (!started) throw new Error('a test used the service before beforeAll had started it');
    return started;
  };
  const deadLetters: World['deadLetters'] = async (query) =>
    (
      await running().service.request<{ deadLetters: ListedDeadLetter[] }>(
        'GET',
        `/dead-letters?${new URLSearchParams(query).toString()}`,
      )
    ).deadLetters;
  return {
    get environment() {
      return running().environment;
    },
    get browser() {
      return running().browser;
    },
    get service() {
      return running().service;
    },
    get url() {
      return running().environment.service.url;
    },
    get order() {
      return running().order;
    },
    async aConsole(options) {
      const opened = await openConsole(running().browser, running().environment.service.url, options);
      open.push(opened);
      return opened;
    },
    deadLetters,
    async aDeadLetter(query) {
      const [deadLetter] = await deadLetters({ status: 'open', ...query });
      if (!deadLetter) throw new Error(`no open dead letter matches ${JSON.stringify(query)}`);
      return deadLetter;
    },
  };
}
