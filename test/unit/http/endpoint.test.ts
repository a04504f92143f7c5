import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import * as z from 'zod';

import { open, type Access } from '../../../lib/http/auth/access.ts';
import { MisconfiguredError, PublishError, StoreUnavailableError } from '../../../lib/runtime/errors.ts';
import { Problem } from '../../../lib/http/problem.ts';
import { endpoint } from '../../../lib/http/endpoint.ts';
import { createOncePerKey } from '../../../lib/http/idempotency/once-per-key.ts';
import { checkHeaders } from '../../../lib/http/request.ts';
import { createSurehop, type Surehop } from '../../../lib/runtime/surehop.ts';
import { call } from '../../support/request.ts';

const body = z.strictObject({
  name: z.string().min(1),
  items: z.array(z.strictObject({ 'a/b~c': z.int().min(1), size: z.int() })).min(1),
});

let surehop: Surehop;
let entries: Record<string, unknown>[];

beforeAll(() => {
  process.env['POWERTOOLS_DEV'] = 'true';
  surehop = createSurehop({ environment: { MAX_BODY_BYTES: '200', LOG_LEVEL: 'INFO' } });
  const note = (line: unknown) => void entries.push(JSON.parse(String(line)));
  for (const level of ['info', 'warn', 'error'] as const) jest.spyOn(console, level).mockImplementation(note);
  entries = [];
});

const logged = () => entries.splice(0);

/** An HTTP endpoint that responds with the body of the request and the client id from its authentication. */
const echo = () =>
  endpoint(surehop, { access: open, body }, ({ body, client }) => ({ status: 200, body: { body, client } }));

test('a service can set the namespace of the URNs in its HTTP responses', async () => {
  const shop = createSurehop({ environment: { URN_NAMESPACE: 'shop' } });
  const handler = endpoint(shop, { access: open }, () => {
    throw new Problem('not-found', 'There is no such thing.');
  });
  const { body } = await call(handler, {});
  expect(body).toMatchObject({
    type: 'urn:shop:problem:not-found',
    instance: expect.stringMatching(/^urn:shop:request:/),
  });
});

test.each<[string, () => unknown]>([
  [
    'a proxy that cannot be read',
    () => {
      const refuse = () => {
        throw new Error('the proxy of the test throws this error for every property access');
      };
      return new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse });
    },
  ],
  [
    'an error that is its own cause',
    () => {
      const error = new Error('it is its own cause');
      error.stack = 'Error: x\n    at node:net:1:1';
      return Object.assign(error, { cause: error });
    },
  ],
])('an HTTP handler that throws %s responds with 500, and the request is logged', async (_, thrown) => {
  logged();
  const handler = endpoint(surehop, { access: open }, () => {
    throw thrown();
  });
  expect(await call(handler, {})).toMatchObject({ status: 500, body: { type: 'urn:surehop:problem:internal-error' } });
  expect(logged()).toMatchObject([{ level: 'ERROR', message: 'request failed', status: 500 }]);
});

describe('settings', () => {
  const withSettings = (environment: Record<string, string>) => createSurehop({ environment });

  test.each([
    ['store', { TABLE_PREFIX: 'a b' }, 'TABLE_PREFIX'],
    ['broker', { AMQP_URL: 'http://broker' }, 'AMQP_URL'],
    ['broker', {}, 'AMQP_URL'],
  ] as const)(
    'creating an HTTP endpoint that needs the %s fails with an error that names the invalid or missing setting: %j',
    (dependency, environment, name) => {
      const create = () =>
        endpoint(withSettings(environment), { access: open, needs: [dependency] }, () => ({ status: 200, body: {} }));
      expect(create).toThrow(name);
    },
  );

  test.each<Record<string, string>>([
    { INBOX_RETENTION_DAYS: '400' },
    { DYNAMODB_ENDPOINT: 'nowhere' },
    { PUBLISH_DEADLINE_MS: '1' },
  ])('createOncePerKey fails with an error that names the invalid setting: %j', (environment) => {
    expect(() => createOncePerKey(withSettings(environment))).toThrow(Object.keys(environment)[0]!);
  });
});

describe('the body of a request', () => {
  const good = { name: 'x', items: [{ 'a/b~c': 1, size: 2 }] };

  test('a valid request body reaches the handler, whether API Gateway passes it as text or as base64', async () => {
    for (const about of [{ body: good }, { raw: Buffer.from(JSON.stringify(good)) }])
      expect(await call(echo(), about)).toMatchObject({ status: 200, body: { body: good, client: 'public' } });
  });

  test('the response to an invalid request body has the status 400 and contains the JSON pointer of each invalid field', async () => {
    const { status, headers, body } = await call(echo(), {
      body: {
        name: '',
        items: [
          { 'a/b~c': 0, size: 'two' },
          { size: 1, more: 1 },
        ],
        extra: true,
      },
    });
    expect(status).toBe(400);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(body).toMatchObject({ type: 'urn:surehop:problem:invalid-body', status: 400, title: expect.any(String) });
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual(
      ['/extra', '/items/0/a~1b~0c', '/items/0/size', '/items/1/a~1b~0c', '/items/1/more', '/name'].toSorted(),
    );
  });

  test('a request without a body gets the status 400 if the endpoint needs a body', async () => {
    expect(await call(echo(), {})).toMatchObject({ status: 400, body: { type: 'urn:surehop:problem:invalid-body' } });
  });

  test.each([
    ['cut off', '{"name":'],
    ['with a trailing comma', '{"name":"x",}'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ['a byte-order mark alone', '\ufeff'],
    ['with two byte-order marks', `\ufeff\ufeff${JSON.stringify(good)}`],
    ['with a byte-order mark behind it', `${JSON.stringify(good)}\ufeff`],
    ['in UTF-16 with its byte-order mark', Buffer.from(`\ufeff${JSON.stringify(good)}`, 'utf16le')],
  ])('a request with malformed JSON in its body (%s) gets the status 400', async (_, raw) => {
    expect(await call(echo(), { raw })).toMatchObject({
      status: 400,
      body: { type: 'urn:surehop:problem:malformed-json' },
    });
  });

  test.each(['name', 'é'])(
    'a byte-order mark before the JSON text of a request body is ignored (the field "name" of the body is %p)',
    async (name) => {
      const raw = `\ufeff${JSON.stringify({ ...good, name })}`;
      for (const sent of [raw, Buffer.from(raw)]) {
        const got = await call(echo(), { raw: sent });
        expect([got.status, got.body]).toEqual([200, (await call(echo(), { body: { ...good, name } })).body]);
      }
    },
  );

  test('a request whose body exceeds the size limit gets the status 413, whatever its Content-Length header contains', async () => {
    const raw = JSON.stringify({ name: 'é'.repeat(100), items: [] });
    expect(raw.length).toBeLessThan(200);
    for (const sent of [raw, Buffer.from(raw)])
      expect(await call(echo(), { raw: sent, headers: { 'content-length': '2' } })).toMatchObject({
        status: 413,
        body: { type: 'urn:surehop:problem:body-too-large', maxBodyBytes: 200 },
      });
    const exact = `"${'x'.repeat(198)}"`;
    expect((await call(echo(), { raw: exact })).status).toBe(400);
    expect((await call(echo(), { raw: `${exact} ` })).status).toBe(413);
  });

  test.each([
    ['application/json', 200],
    ['Application/JSON; charset="UTF-8"', 200],
    ['application/vnd.shop.order+json', 200],
    ['application/json; charset=iso-8859-1', 415],
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/jsonx', 415],
    ['', 415],
  ])('a request with a JSON body and the Content-Type "%s" gets the status %d', async (type, status) => {
    expect((await call(echo(), { body: good, headers: { 'content-type': type } })).status).toBe(status);
  });

  test('a request body with a field named __proto__ is reported as invalid', async () => {
    const { body } = await call(echo(), { raw: '{"__proto__":{"name":"x"},"name":"x","items":[]}' });
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toContain('/__proto__');
  });
});

test('the response to a request with invalid path or query parameters lists each invalid parameter by name', async () => {
  const handler = endpoint(
    surehop,
    {
      access: open,
      path: z.object({ id: z.string().max(3) }),
      query: z.strictObject({ limit: z.coerce.number().max(10) }),
    },
    () => ({ status: 200, body: {} }),
  );
  expect((await call(handler, { path: { id: 'long' } })).body).toMatchObject({
    type: 'urn:surehop:problem:invalid-parameters',
    errors: [{ in: 'path', parameter: 'id' }],
  });
  const { body } = await call(handler, { path: { id: 'x' }, query: { limit: '11', other: '1' } });
  expect(body.errors).toEqual([
    expect.objectContaining({ in: 'query', parameter: 'limit' }),
    { in: 'query', parameter: 'other', detail: 'unknown field; known fields: limit' },
  ]);
});

test('if an object in a request body has an unknown field, the response lists the known fields of the object', async () => {
  const item = z.strictObject({ isbn: z.string() });
  const body = z.strictObject({ items: z.array(item).optional(), none: z.strictObject({}).default({}) }).prefault({});
  const handler = endpoint(surehop, { access: open, body }, () => ({ status: 200, body: {} }));
  const got = await call(handler, { body: { item: 1, items: [{ isbn: 'a', skew: 1 }], none: { x: 1 } } });
  expect(got.body.errors).toEqual(
    expect.arrayContaining([
      { pointer: '/item', detail: 'unknown field; known fields: items, none' },
      { pointer: '/items/0/skew', detail: 'unknown field; known fields: isbn' },
      { pointer: '/none/x', detail: 'unknown field; no fields are allowed' },
    ]),
  );
});

test('an unknown field inside a field named "toString" is refused with 400; the JavaScript property inherited under this name is ignored', async () => {
  const body = z.object({ isbn: z.string().optional() }).catchall(z.strictObject({ a: z.string().optional() }));
  const handler = endpoint(surehop, { access: open, body }, () => ({ status: 200, body: {} }));
  expect(await call(handler, { body: { toString: { b: 1 } } })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/toString/b', detail: 'unknown field; no fields are allowed' }] },
  });
});

test('an unknown query parameter causes an error on a route for operators and is ignored on a public route', async () => {
  const operators: Access = { scheme: 'operator', verifier: () => () => ({ client: 'ada' }) };
  const handler = (access: Access) => endpoint(surehop, { access }, () => ({ status: 200, body: {} }));
  expect((await call(handler(operators), { query: { force: 'true' } })).body).toMatchObject({
    type: 'urn:surehop:problem:invalid-parameters',
    errors: [{ in: 'query', parameter: 'force' }],
  });
  expect((await call(handler(open), { query: { at: '1' } })).status).toBe(200);
});

describe('errors of a handler', () => {
  const throwing = (thrown: unknown) => endpoint(surehop, { access: open }, () => Promise.reject(thrown));

  test.each([
    [new PublishError('UNROUTABLE', 'x'), 503, 'unroutable'],
    [new PublishError('REFUSED', 'x'), 503, 'refused'],
    [new PublishError('BLOCKED', 'x'), 503, 'blocked'],
    [new PublishError('UNCONFIRMED', 'x', { indeterminate: true }), 503, 'unconfirmed'],
    [new PublishError('BROKER_UNAVAILABLE', 'x'), 503, 'broker-unavailable'],
    [new PublishError('TOO_LARGE', 'x'), 413, 'body-too-large'],
    [new StoreUnavailableError(), 503, 'store-unavailable'],
    [new MisconfiguredError('TABLE_MISSING', 'x'), 500, 'misconfigured'],
    [new Problem('too-old', 'x'), 409, 'too-old'],
  ])(
    'if a handler throws the error %s, the response has the status %d and the problem type %s',
    async (thrown, status, type) => {
      const got = await call(throwing(thrown), {});
      expect(got).toMatchObject({ status, body: { type: `urn:surehop:problem:${type}`, status } });
      expect(got.headers['retry-after'] === undefined).toBe(status !== 503);
      expect(got.headers['cache-control']).toBe('no-store');
    },
  );

  test('the response to a failed publish says whether the broker may have accepted the message', async () => {
    for (const indeterminate of [true, false])
      expect(
        (await call(throwing(new PublishError('BROKER_UNAVAILABLE', 'x', { indeterminate })), {})).body,
      ).toMatchObject({ indeterminate, detail: expect.stringContaining('same Idempotency-Key') });
  });

  test.each([new Error('secret of the house'), 'secret of the house', undefined])(
    'an unexpected error (%p) of a handler is logged but not shown to the client, and both log and response have the request id',
    async (thrown) => {
      logged();
      const got = await call(throwing(thrown), {}, 'request-17');
      expect(got).toMatchObject({
        status: 500,
        headers: { 'x-request-id': 'request-17' },
        body: { type: 'urn:surehop:problem:internal-error', instance: 'urn:surehop:request:request-17' },
      });
      expect(JSON.stringify(got)).not.toContain('secret');
      const [entry] = logged();
      expect(entry).toMatchObject({ level: 'ERROR', requestId: 'request-17', status: 500 });
      expect(JSON.stringify(entry).includes('secret of the house')).toBe(thrown !== undefined);
    },
  );
});

test('each HTTP request is logged once with the ids and the trace id of the request, and without the body', async () => {
  const handler = endpoint(surehop, { access: open, body: z.any() }, ({ note }) => {
    note({ loanId: 'o-1' });
    return { status: 202, body: {} };
  });
  logged();
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await call(handler, {
    route: 'POST /things/{id}',
    body: { word: 'private' },
    headers: { Traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
  });
  const entries = logged();
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({
    method: 'POST',
    route: 'POST /things/{id}',
    status: 202,
    durationMs: expect.any(Number),
    loanId: 'o-1',
    traceId,
  });
  expect(JSON.stringify(entries)).not.toContain('private');
});

test('an HTTP function responds to an empty Lambda event with 400', async () => {
  const result = await echo()({} as never);
  expect(result.statusCode).toBe(400);
});

test('a request that is not finished at its deadline gets 503, and the abort signal of its handler is aborted', async () => {
  const surehop = createSurehop({ environment: { LOG_LEVEL: 'ERROR', REQUEST_DEADLINE_MS: '150' } });
  let signal: AbortSignal | undefined;
  const handler = endpoint(surehop, { access: open }, async (request) => {
    signal = request.signal;
    await sleep(10_000, undefined, { signal });
    return { status: 200, body: {} };
  });
  expect(await call(handler, {})).toMatchObject({
    status: 503,
    headers: { 'retry-after': '1' },
    body: { type: 'urn:surehop:problem:deadline-exceeded', indeterminate: true },
  });
  expect(signal?.aborted).toBe(true);
});

test('checkHeaders throws the error headers-too-large for more than 100 headers or more than 10,240 bytes of headers', () => {
  expect(() => checkHeaders({ a: 'x'.repeat(10_239) })).not.toThrow();
  for (const value of ['x'.repeat(10_240), 'é'.repeat(5_120)])
    expect(() => checkHeaders({ a: value })).toThrow(expect.objectContaining({ problem: 'headers-too-large' }));
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, '']));
  expect(() => checkHeaders(many)).toThrow(expect.objectContaining({ problem: 'headers-too-large' }));
});
