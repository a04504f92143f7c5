import { afterAll, beforeAll, describe, jest } from '@jest/globals';

import { DEVELOPMENT_SECRET } from '../../lib/http/development.ts';
import { aService, type RunningService } from '../support/service.ts';
import { commandTests } from './commands.ts';
import { orderTests } from './orders.ts';
import { readmeTests } from './readme.ts';
import { CANARY_KEY, wireTests } from './wire.ts';

// Each command starts a process, which takes long on a busy machine.
jest.setTimeout(300_000);

// All tests share one service, because its start takes longer than most tests.
describe('the running service', () => {
  let service: RunningService;

  beforeAll(async () => {
    process.env.SIGNING_SECRETS = JSON.stringify({ development: [DEVELOPMENT_SECRET], canary: [CANARY_KEY] });
    service = await aService();
  });

  afterAll(async () => {
    delete process.env.SIGNING_SECRETS;
    await service?.stop();
  });

  // These tests come first, because they count all dead letters.
  commandTests(() => service);
  wireTests(() => service);
  orderTests(() => service);
  readmeTests(() => service);
});
