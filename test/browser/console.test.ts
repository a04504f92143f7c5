import { describe, jest } from '@jest/globals';

import { findChromium } from '../support/chromium.ts';
import { accessTests } from './access.ts';
import { actionTests, bulkActionTests } from './actions.ts';
import { hostileTests } from './hostile.ts';
import { readerTests } from './readers.ts';
import { sendTests } from './send.ts';
import { timelineTests } from './timelines.ts';
import { viewTests } from './views.ts';
import { aWorld } from './world.ts';

jest.setTimeout(180_000);

const found = await findChromium();
if ('missing' in found)
  process.stderr.write(`skipped: the tests of the console in a browser, because ${found.missing}\n`);
const describeInBrowser = 'missing' in found ? describe.skip : describe;

// All tests share one service, because its start takes longer than most tests.
describeInBrowser("the operators' console in a browser, with the service of npm start", () => {
  const world = aWorld(found);
  viewTests(world);
  timelineTests(world);
  actionTests(world);
  sendTests(world);
  readerTests(world);
  hostileTests(world);
  accessTests(world);
  bulkActionTests(world);
});
