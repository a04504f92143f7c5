import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { eventually } from '../support/eventually.ts';
import { aService, type RunningService } from '../support/service.ts';

let service: RunningService;

/**
 * The mistakes that the tests put into serverless.yml, each as a text and its replacement. Two functions lose their
 * access to a table, and a queue loses its consumer. `npm start` must report these mistakes.
 */
const edits = [
  ['effects: [awards, points]', 'effects: [awards]'],
  ['access: { tables: { stock: [GetItem] } }', 'access: { tables: { points: [GetItem] } }'],
  ['    events: ${consumes:stock}\n', ''],
] as const;

beforeAll(async () => {
  service = await aService({
    change(directory) {
      const file = join(directory, 'serverless.yml');
      let text = readFileSync(file, 'utf8');
      for (const [before, after] of edits) {
        if (!text.includes(before))
          throw new Error(`serverless.yml no longer contains the text that this test replaces: ${before}`);
        text = text.replace(before, () => after);
      }
      writeFileSync(file, text);
    },
  });
}, 120_000);

afterAll(() => service?.stop(), 60_000);

const logged = (...parts: string[]) =>
  eventually(`a log line with ${parts.join(' and ')}`, () =>
    readFileSync(service.logFile, 'utf8')
      .split('\n')
      .find((line) => parts.every((part) => line.includes(part))),
  );

test('a request fails if its function uses a DynamoDB table that is not listed in the access of the function in serverless.yml, and the log says what to add', async () => {
  const response = await fetch(`${service.url}/stock/apple`);
  expect(response.status).toBeGreaterThanOrEqual(500);
  const line = await logged('deployment is wrong', 'the access of get-stock');
  expect(JSON.parse(line)).toMatchObject({
    level: 'ERROR',
    reason: 'ACCESS_DENIED',
    tables: [`${service.host.name}-stock`],
  });
  expect(line).toContain('does not allow it: add tables: { stock: [GetItem] }');
});

test('a message stays in its queue if the consumer has no permission to write to a DynamoDB table, and the log says what to add to access.effects', async () => {
  const body = JSON.stringify({
    customerId: 'ada',
    currency: 'EUR',
    items: [{ sku: 'apple', quantity: 1, unitPrice: 150 }],
  });
  const placed = await fetch(`${service.url}/orders`, {
    method: 'POST',
    headers: signedHeaders(body, { key: randomUUID() }),
    body,
  });
  expect(placed.status).toBe(202);
  const line = await logged('deployment is wrong', 'the access of award-points');
  expect(JSON.parse(line)).toMatchObject({ level: 'ERROR', reason: 'ACCESS_DENIED' });
  expect(line).toContain('does not allow it: add effects: [points]');
  expect(await (await fetch(`${service.url}/customers/ada/points`)).json()).toEqual({ customerId: 'ada', points: 0 });
});

test('at the start of the service, the log warns about a queue that no function in serverless.yml consumes', async () => {
  const line = await logged('no function in serverless.yml consumes the queue stock');
  expect(JSON.parse(line)).toEqual({
    level: 'WARN',
    message: 'no function in serverless.yml consumes the queue stock (events: ${consumes:stock})',
  });
});
