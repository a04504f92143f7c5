import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';

import { beforeAll, describe, expect, test } from '@jest/globals';

import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningService } from '../support/service.ts';

/** Secrets and personal data that the test sends to the service, and that the service's log must not contain. */
const CANARIES = {
  signingKey: Buffer.from('canary-signing-key-canary-signing').toString('base64'),
  address: 'canary-street-17',
  junk: 'canary-in-a-body-that-is-no-json',
  header: 'canary-in-a-header',
  reason: 'canary-in-a-reason',
  query: 'canary-in-a-query',
} as const;

/** The signing key of the client `canary`. The service under test must be configured with this key. */
export const CANARY_KEY = `whsec_${CANARIES.signingKey}`;

let service: RunningService;
let token: string;
let host: string;
let port: number;

/** Sends bytes to the service's HTTP port. Returns the status codes of all responses. */
async function exchange(...parts: (string | Buffer)[]): Promise<number[]> {
  const socket = connect(port, '127.0.0.1');
  let said = '';
  socket.on('data', (chunk) => (said += chunk.toString('latin1')));
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()).on('error', () => {}));
  for (const part of parts) socket.write(part);
  socket.setTimeout(5_000, () => socket.destroy());
  await ended;
  return [...said.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

const body = JSON.stringify({ customerId: 'c', currency: 'EUR', items: [{ sku: 'wire', quantity: 1, unitPrice: 1 }] });
const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`;
const signedLines = (of = body) =>
  Object.entries(signedHeaders(of, { key: randomUUID() })).map((one) => one.join(': '));
const post = (...more: string[]) => ['POST /orders HTTP/1.1', `Host: ${host}`, 'Connection: close', ...more];
const length = `Content-Length: ${body.length}`;

const malformed: [string, () => (string | Buffer)[]][] = [
  ['two lengths', () => [lines(...post(...signedLines(), length, 'Content-Length: 3')), body]],
  [
    'a length and chunks',
    () => [lines(...post(...signedLines(), length, 'Transfer-Encoding: chunked')), `0\r\n\r\n${body}`],
  ],
  ['an unknown transfer encoding', () => [lines(...post(...signedLines(), 'Transfer-Encoding: xchunked')), body]],
  ['chunked that is not the last', () => [lines(...post(...signedLines(), 'Transfer-Encoding: chunked, gzip')), body]],
  ['a length below nothing', () => [lines(...post(...signedLines(), 'Content-Length: -1')), body]],
  ['a length with a sign', () => [lines(...post(...signedLines(), `Content-Length: +${body.length}`)), body]],
  ['a length in hexadecimal', () => [lines(...post(...signedLines(), 'Content-Length: 0x10')), body]],
  ['a length past all numbers', () => [lines(...post(...signedLines(), `Content-Length: ${'9'.repeat(30)}`)), body]],
  [
    'a chunk that is too long for its number',
    () => [lines(...post(...signedLines(), 'Transfer-Encoding: chunked')), 'ffffffffffffffffff\r\nx\r\n0\r\n\r\n'],
  ],
  [
    'a chunk that is no number',
    () => [lines(...post(...signedLines(), 'Transfer-Encoding: chunked')), 'zz\r\nx\r\n0\r\n\r\n'],
  ],
  ['a blank before the colon', () => [lines(...post(...signedLines(), 'Content-Length : 5')), body]],
  [
    'a folded header',
    () => [lines(...post(...signedLines().map((line) => line.replace(': v1,', ':\r\n v1,')), length)), body],
  ],
  ['a header without a name', () => [lines(...post(...signedLines(), ': x', length)), body]],
  ['NUL in a header', () => [lines(...post(...signedLines(), 'X-A: a\0b', length)), body]],
  ['a lone CR in a header', () => [lines(...post(...signedLines(), 'X-A: a\rb', length)), body]],
  ['no host', () => [lines('POST /orders HTTP/1.1', 'Connection: close', ...signedLines(), length), body]],
  ['an unknown version', () => [lines('POST /orders HTTP/9.9', `Host: ${host}`, ...signedLines(), length), body]],
  ['a version that is none', () => [lines('POST /orders HTTQ/1.1', `Host: ${host}`, length), body]],
  ['a method that is none', () => [lines('P@ST /orders HTTP/1.1', `Host: ${host}`, length), body]],
  [
    'a method in small letters',
    () => [lines('post /orders HTTP/1.1', `Host: ${host}`, ...signedLines(), length), body],
  ],
  ['a blank in the path', () => [lines('POST /or ders HTTP/1.1', `Host: ${host}`, ...signedLines(), length), body]],
  ['headers past all bounds', () => [lines(...post(...signedLines(), `X-A: ${'a'.repeat(100_000)}`, length)), body]],
  ['a body that breaks off', () => [lines(...post(...signedLines(), `Content-Length: ${body.length + 10}`)), body]],
  ['bytes without sense', () => [Buffer.from([0x16, 0x03, 0x01, 0x00, 0xf1, 0x01, 0x00, 0x00, 0xed, 0x03, 0x03])]],
];

/** Well-formed HTTP requests that the service must refuse, each with the expected status codes. */
const refused: [string, number[], () => (string | Buffer)[]][] = [
  ['a doubled webhook-id', [401], () => [lines(...post(...signedLines(), 'webhook-id: other', length)), body]],
  ['a doubled signature', [401], () => [lines(...post(...signedLines(), ...signedLines().slice(3), length)), body]],
  [
    'a doubled Idempotency-Key',
    [400],
    () => [lines(...post(...signedLines(), 'idempotency-key: a', 'idempotency-key: b', length)), body],
  ],
  ['no signature', [401], () => [lines(...post('content-type: application/json', length)), body]],
  [
    'a body of 1 MB',
    [400, 401, 413],
    () => {
      const large = ' '.repeat(1_000_000);
      return [lines(...post(...signedLines(large), `Content-Length: ${large.length}`)), large];
    },
  ],
  [
    'gzip',
    [400, 401, 415],
    () => {
      const zipped = gzipSync(body);
      return [lines(...post(...signedLines(), 'content-encoding: gzip', `Content-Length: ${zipped.length}`)), zipped];
    },
  ],
  ...['//orders', '/ORDERS', '/orders%00', '/orders/../stock/wire', '/orders;x', '/stock/wire'].map(
    (path): [string, number[], () => (string | Buffer)[]] => [
      `POST ${path}`,
      [400, 401, 404, 405],
      () => [lines(`POST ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...signedLines(), length), body],
    ],
  ),
  ...['/orders/', '/%2e%2e/orders', '/./orders'].map((path): [string, number[], () => (string | Buffer)[]] => [
    `POST ${path} without a signature`,
    [400, 401, 404],
    () => [lines(`POST ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', length), body],
  ]),
  ...['PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS'].map((method): [string, number[], () => (string | Buffer)[]] => [
    `${method} /orders`,
    [400, 401, 404, 405, 501],
    () => [lines(`${method} /orders HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...signedLines(), length), body],
  ]),
  [
    'a method in a header',
    [401],
    () => [lines(...post('x-http-method-override: GET', 'content-type: application/json', length)), body],
  ],
];

export function wireTests(started: () => RunningService): void {
  beforeAll(async () => {
    service = started();
    token = await service.token('stock:write', 'dead-letters:redrive', 'dead-letters:read', 'status:read');
    ({ host } = new URL(service.url));
    port = Number(new URL(service.url).port);
  });

  describe('HTTP requests that are sent byte by byte', () => {
    test('a valid HTTP request is accepted', async () => {
      expect(await exchange(lines(...post(...signedLines(), length)), body)).toEqual([202]);
    });

    test.each(malformed)('a malformed HTTP request (%s) is not accepted', async (_, request) => {
      for (const status of await exchange(...request()))
        expect([400, 404, 405, 408, 413, 431, 501, 505]).toContain(status);
    });

    test.each(refused)(
      'a hostile HTTP request (%s) is refused with one of the statuses %p',
      async (_, statuses, request) => {
        const got = await exchange(...request());
        expect(got).toHaveLength(1);
        expect(statuses).toContain(got[0]);
      },
    );

    test('bytes that follow the body of an HTTP request are parsed as a separate request', async () => {
      const first = lines(`POST /orders HTTP/1.1`, `Host: ${host}`, ...signedLines(), length) + body;
      const smuggled = lines(...post('content-type: application/json', length)) + body;
      expect(await exchange(first + smuggled)).toEqual([202, 401]);
    });

    test('an order whose client disconnects can be sent again with the same key and is then accepted', async () => {
      const key = randomUUID();
      const headers = Object.entries(signedHeaders(body, { key })).map((one) => one.join(': '));
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      socket.write(lines(...post(...headers, length)) + body, () => socket.destroy());
      const again = await eventually('the same order to be accepted', async () => {
        const response = await fetch(`${service.url}/orders`, {
          method: 'POST',
          headers: signedHeaders(body, { key }),
          body,
        });
        const said = (await response.json()) as { orderId: string };
        return response.status === 202 && said;
      });
      expect((await fetch(`${service.url}/orders/${again.orderId}`)).status).toBe(200);
    });
  });

  test("the service's log contains no secret, token, signature or personal data", async () => {
    const written: string[] = [token, ...Object.values(CANARIES)];
    const ask = async (method: string, path: string, headers: Record<string, string>, sent?: string) => {
      written.push(
        ...Object.entries(headers).flatMap(([name, value]) => (/signature|authorization/.test(name) ? [value] : [])),
      );
      const response = await fetch(service.url + path, { method, headers, body: sent });
      const text = await response.text();
      for (const word of Object.values(CANARIES)) {
        // The names of fields and the reason may be repeated in the response to the client that sent them.
        if (word !== CANARIES.reason && word !== CANARIES.junk)
          expect([path, word, text.includes(word)]).toEqual([path, word, false]);
      }
      return response.status;
    };
    const bearer = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const personal = body.replace('"c"', `"${CANARIES.address}"`);
    const signed = (of: string) => signedHeaders(of, { key: randomUUID(), secret: CANARY_KEY });
    expect(await ask('POST', '/orders', signed(personal), personal)).toBe(202);
    const withJunk = `{"a": ${CANARIES.junk}`;
    expect(await ask('POST', '/orders', signed(withJunk), withJunk)).toBe(400);
    const withField = personal.replace('"currency"', `"${CANARIES.junk}"`);
    expect(await ask('POST', '/orders', { ...signed(withField), 'x-trace': CANARIES.header }, withField)).toBe(400);
    expect(await ask('POST', '/orders', { ...signed(personal), 'webhook-signature': CANARIES.header }, personal)).toBe(
      401,
    );
    expect(await ask('GET', `/dead-letters?code=${CANARIES.query}&x=${CANARIES.query}`, bearer)).toBe(400);
    expect(await ask('GET', '/dead-letters', { authorization: `Bearer ${CANARIES.header}` })).toBe(401);
    expect(await ask('DELETE', '/dead-letters/none', bearer, JSON.stringify({ reason: CANARIES.reason }))).toBe(404);
    expect(await ask('PUT', '/stock/wire', bearer, JSON.stringify({ available: 5, reason: CANARIES.reason }))).toBe(
      200,
    );
    expect(await ask('GET', '/status', bearer)).toBe(200);

    const log = await eventually('the last request to be logged', () => {
      const text = readFileSync(service.logFile, 'utf8');
      return text.includes('GET /status') && text;
    });
    expect(log).toContain('request answered');
    for (const word of written) expect([word.slice(0, 12), log.includes(word)]).toEqual([word.slice(0, 12), false]);
    expect(log).not.toMatch(/whsec_(?!\*)|\bv1,[A-Za-z0-9+/]{20}|eyJ[A-Za-z0-9_-]{10}/);
  });
}
