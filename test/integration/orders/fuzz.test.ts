import { createHmac, randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { DEVELOPMENT_SECRET } from '../../../lib/http/development.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { character } from '../../support/characters.ts';
import { aRequest } from '../../support/request.ts';
import { numRuns } from '../../support/thorough.ts';

/**
 * The number of random requests per test, which the environment variable FUZZ_CASES can set. To repeat a run, set the
 * environment variable SEED to the seed in the titles of its tests.
 */
const CASES = Number(process.env.FUZZ_CASES ?? numRuns({ everyday: 500, thorough: 2_000 }));
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const ANSWER_WITHIN_MS = 10_000;

let backend: Backend;
let place: HttpHandler;
let putStock: HttpHandler;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  ({ handler: place } = await import('../../../functions/orders/place-order.ts'));
  ({ handler: putStock } = await import('../../../functions/orders/put-stock.ts'));
});

afterAll(() => backend.remove());

const developmentKey = Buffer.from(DEVELOPMENT_SECRET.slice('whsec_'.length), 'base64');

function signed(body: Buffer): Record<string, string> {
  const [id, at] = [randomUUID(), String(Math.floor(Date.now() / 1_000))];
  const hmac = createHmac('sha256', developmentKey).update(`${id}.${at}.`).update(body);
  return { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': `v1,${hmac.digest('base64')}` };
}

async function answerOf(handler: HttpHandler, about: Parameters<typeof aRequest>[0]) {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), ANSWER_WITHIN_MS);
  });
  const { statusCode = 0, headers, body } = await Promise.race([handler(aRequest(about)), hang]);
  clearTimeout(timer);
  return { status: statusCode, headers, body: JSON.parse(String(body)) as { type?: string } };
}

/** Whether the service responds with this HTTP status on purpose. The status 500 means an unexpected error. */
const isDeliberate = (status: number) => (status >= 200 && status < 500) || status === 503;

const order = fc.record({
  customerId: fc.stringMatching(/^[a-z]{1,8}$/),
  currency: fc.constantFrom('EUR', 'USD', 'JPY'),
  items: fc.array(fc.record({ sku: fc.stringMatching(/^[a-z]{1,8}$/), quantity: fc.nat(2_000), unitPrice: fc.nat() }), {
    maxLength: 60,
  }),
});

/**
 * Generates request bodies: random bytes, random text, random JSON, orders, and orders in which one character was
 * replaced.
 */
const bodies = fc.oneof(
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 2, arbitrary: fc.string({ unit: character, maxLength: 500 }).map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: fc.json({ maxDepth: 8 }).map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: order.map((one) => Buffer.from(JSON.stringify(one))) },
  {
    weight: 3,
    arbitrary: fc.tuple(order, fc.nat(), fc.string({ unit: 'grapheme', maxLength: 3 })).map(([one, at, inserted]) => {
      const text = JSON.stringify(one);
      const place = at % (text.length + 1);
      return Buffer.from(text.slice(0, place) + inserted + text.slice(place + 1));
    }),
  },
);

const headerNames = fc.oneof(
  fc.constantFrom(
    'webhook-id',
    'webhook-timestamp',
    'webhook-signature',
    'idempotency-key',
    'content-type',
    'content-encoding',
    'content-length',
    'traceparent',
    'tracestate',
    'authorization',
    'origin',
    '__proto__',
  ),
  fc.stringMatching(/^[a-zA-Z-]{1,20}$/),
);

const headers = fc.dictionary(headerNames, fc.string({ unit: character, maxLength: 300 }), { maxKeys: 6 });

const settings = { numRuns: CASES, seed: SEED, endOnFailure: true } as const;

const title = (what: string) => `${what} (seed ${SEED}, ${CASES} cases)`;

test(
  title('every signed request to POST /orders gets an expected status, whatever its body is'),
  async () => {
    await fc.assert(
      fc.asyncProperty(bodies, async (raw) => {
        const got = await answerOf(place, { route: 'POST /orders', raw, headers: signed(raw) });
        expect([200, 202, 400, 413, 415, 503]).toContain(got.status);
      }),
      settings,
    );
  },
  300_000,
);

test(
  title(
    'every request with random headers gets an expected status, and an order without a valid signature is never accepted',
  ),
  async () => {
    const sound = Buffer.from(
      JSON.stringify({ customerId: 'c', currency: 'EUR', items: [{ sku: 'a', quantity: 1, unitPrice: 1 }] }),
    );
    await fc.assert(
      fc.asyncProperty(headers, fc.boolean(), async (given, isSigned) => {
        const got = await answerOf(place, {
          route: 'POST /orders',
          raw: sound,
          headers: { ...(isSigned && signed(sound)), ...given },
        });
        expect([given, isDeliberate(got.status)]).toEqual([given, true]);
        if (!isSigned) expect(got.status).toBeGreaterThanOrEqual(400);
      }),
      settings,
    );
  },
  300_000,
);

test(
  title('a request of an operator with a random token is refused with 401 and changes nothing'),
  async () => {
    const parts = fc.oneof(
      fc.string({ unit: character, maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
      fc
        .record({ alg: fc.constantFrom('none', 'HS256', 'RS256', 'ES256', ''), kid: fc.string(), typ: fc.string() })
        .map((header) => Buffer.from(JSON.stringify(header)).toString('base64url')),
    );
    const tokens = fc.tuple(parts, parts, parts).map((three) => `Bearer ${three.join('.')}`);
    await fc.assert(
      fc.asyncProperty(tokens, async (authorization) => {
        const about = { route: 'PUT /stock/{sku}', path: { sku: 'fuzz' }, body: { available: 1 } };
        expect((await answerOf(putStock, { ...about, headers: { authorization } })).status).toBe(401);
      }),
      { ...settings, numRuns: Math.ceil(CASES / 5) },
    );
    const { store } = await import('../../../lib/dynamodb/store.ts');
    const surehop = await backend.surehop();
    const { Items } = await store(surehop).send(new ScanCommand({ TableName: `${process.env.TABLE_PREFIX}stock` }));
    expect(Items).toEqual([]);
  },
  300_000,
);

test('1,000 refused requests increase the heap of the process by less than 10 MB', async () => {
  const raw = Buffer.from(`{"items":[${'{"sku":"x"},'.repeat(500)}{}]}`);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const refuse = async (times: number) => {
    for (let index = 0; index < times; index += 1)
      expect((await answerOf(place, { route: 'POST /orders', raw, headers: signed(raw) })).status).toBe(400);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await refuse(200);
  const after = await refuse(1_000);
  // The validation errors of one body need about 100 KB, so a leak over a thousand requests would need 100 MB.
  expect(after - before).toBeLessThan(10_000_000);
}, 120_000);
