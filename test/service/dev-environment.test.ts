import { afterAll, beforeAll, describe } from '@jest/globals';

import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { startPrivateEnvironment } from '../../infra/dev/runtime/private-environment.ts';
import { consoleTests } from './console.ts';
import { restartTests } from './restarts.ts';
import { traceTests } from './traces.ts';

// All tests share one environment, because its start takes longer than most tests.
describe('the development environment of npm start, with a broker and a store that tests may kill', () => {
  let environment: DevEnvironment;
  const said: string[] = [];

  beforeAll(async () => {
    environment = await startPrivateEnvironment((line) => void said.push(line));
    const response = await fetch(`${environment.service.url}/stock/apple`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${await environment.service.token('stock:write')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ available: 1_000_000 }),
    });
    if (response.status !== 200)
      throw new Error(`PUT /stock/apple answered with status ${response.status}: ${await response.text()}`);
  }, 300_000);

  afterAll(() => environment?.stop(), 60_000);

  const ordersAroundKill = restartTests(() => environment, said);
  traceTests(() => environment, ordersAroundKill);
  consoleTests(() => environment);
});
