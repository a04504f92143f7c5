import './commands.ts';

import { afterAll, beforeAll, describe } from '@jest/globals';

import { DEVELOPMENT_SECRET } from '../../lib/http/development.ts';
import { aService, type RunningService } from '../support/service.ts';
import { orderTests } from './orders.ts';
import { readmeTests } from './readme.ts';
import { CANARY_KEY, wireTests } from './wire.ts';

// All tests share one service, because its start takes longer than most tests.
describe('the running service', () => {
  let service: RunningService;

  beforeAll(async () => {
    process.env.SIGNING_SECRETS = JSON.stringify({ development: [DEVELOPMENT_SECRET], canary: [CANARY_KEY] });
    service = await aService();
  }, 120_000);

  afterAll(async () => {
    delete process.env.SIGNING_SECRETS;
    await service?.stop();
  });

  wireTests(() => service);
  orderTests(() => service);
  readmeTests(() => service);
});
