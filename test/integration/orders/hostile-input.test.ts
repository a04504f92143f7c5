import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SignJWT, UnsecuredJWT, type JWK, type JWTPayload } from 'jose';

import { signedHeaders } from '../../../infra/dev/runtime/sign.ts';
import { DEVELOPMENT_SECRET } from '../../../lib/http/development.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { call, type About } from '../../support/request.ts';

let backend: Backend;
const handlers: Record<string, HttpHandler> = {};

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  handlers['POST /orders'] = (await import('../../../functions/orders/place-order.ts')).handler;
  handlers['GET /orders/{id}'] = (await import('../../../functions/orders/get-order.ts')).handler;
  handlers['PUT /stock/{sku}'] = (await import('../../../functions/orders/put-stock.ts')).handler;
  handlers['GET /stock/{sku}'] = (await import('../../../functions/orders/get-stock.ts')).handler;
  handlers['GET /customers/{id}/points'] = (await import('../../../functions/orders/get-points.ts')).handler;
  handlers['GET /status'] = (await import('../../../functions/operations/status.ts')).handler;
  handlers['GET /dead-letters'] = (await import('../../../functions/dead-letters/list.ts')).handler;
  handlers['GET /dead-letters/{id}'] = (await import('../../../functions/dead-letters/get.ts')).handler;
  handlers['POST /dead-letters/redrive'] = (await import('../../../functions/dead-letters/redrive-many.ts')).handler;
  handlers['POST /dead-letters/{id}/redrive'] = (await import('../../../functions/dead-letters/redrive.ts')).handler;
  handlers['DELETE /dead-letters/{id}'] = (await import('../../../functions/dead-letters/discard.ts')).handler;
});

afterAll(() => backend.remove());

/** A hostile request, with the HTTP status and the problem type that the response must have. */
interface Row {
  readonly what: string;
  readonly request: () => About | Promise<About>;
  readonly answer: string;
}

// Orders ----------------------------------------------------------------------------------------------------------------

const item = { sku: 'hostile', quantity: 1, unitPrice: 100 };
const order = { customerId: 'mallory', currency: 'EUR', items: [item] };
const sound = JSON.stringify(order);

const post = (raw: string | Buffer, headers: Record<string, string>): About => ({
  route: 'POST /orders',
  raw,
  headers,
});

/** A test case that sends a signed order with changed headers. A header that is undefined in `change` is removed. */
const withHeaders = (what: string, change: Record<string, string | undefined>, answer: string): Row => ({
  what,
  answer,
  request() {
    const headers = { ...signedHeaders(sound, { key: randomUUID() }), ...change };
    return post(
      sound,
      Object.fromEntries(Object.entries(headers).filter((one): one is [string, string] => one[1] !== undefined)),
    );
  },
});

/** A test case that sends `body` to POST /orders with a valid signature. */
const withBody = (what: string, body: string | Buffer, answer: string): Row => ({
  what,
  answer,
  request: () => post(body, signedBytes(body)),
});

const withOrder = (what: string, change: object, answer = '400 invalid-body') =>
  withBody(what, JSON.stringify({ ...order, ...change }), answer);

const withItem = (what: string, change: object, answer = '400 invalid-body') =>
  withOrder(what, { items: [{ ...item, ...change }] }, answer);

const hmac = (key: string | Buffer, content: string | Buffer, algorithm = 'sha256') =>
  createHmac(algorithm, key).update(content).digest('base64');
const developmentKey = Buffer.from(DEVELOPMENT_SECRET.slice('whsec_'.length), 'base64');
const now = () => String(Math.floor(Date.now() / 1_000));

/** Returns the headers of a signed request. The signature covers exactly the bytes of `body`. */
function signedBytes(body: string | Buffer, { id = randomUUID(), at = now() }: { id?: string; at?: string } = {}) {
  const content = Buffer.concat([Buffer.from(`${id}.${at}.`), Buffer.from(body)]);
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': at,
    'webhook-signature': `v1,${hmac(developmentKey, content)}`,
  };
}

/** A test case that sends an order with an invalid signature. `make` computes the signature. */
const forged = (what: string, make: (id: string, at: string) => string, answer = '401 wrong-signature'): Row => ({
  what,
  answer,
  request() {
    const headers = signedBytes(sound);
    return post(sound, {
      ...headers,
      'webhook-signature': make(headers['webhook-id'], headers['webhook-timestamp']),
    });
  },
});

const aSignature = `v1,${Buffer.alloc(32, 1).toString('base64')}`;
const nested = (depth: number, inside = '1') => '['.repeat(depth) + inside + ']'.repeat(depth);

const headersOfSignature = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];

const unsignedRows: Row[] = [
  withHeaders('no signature', Object.fromEntries(headersOfSignature.map((name) => [name, undefined])), '401 unsigned'),
  ...headersOfSignature.flatMap((name) => [
    withHeaders(`no ${name}`, { [name]: undefined }, '401 unsigned'),
    withHeaders(`an empty ${name}`, { [name]: '' }, '401 unsigned'),
  ]),
  withHeaders(
    'a bearer token instead of a signature',
    { ...Object.fromEntries(headersOfSignature.map((name) => [name, undefined])), authorization: 'Bearer a.b.c' },
    '401 unsigned',
  ),
  withHeaders(
    'the names of another webhook scheme',
    { 'webhook-signature': undefined, 'svix-signature': aSignature, 'x-hub-signature-256': 'sha256=00' },
    '401 unsigned',
  ),
];

const malformedRows: Row[] = [
  ...[
    'abc',
    '-1',
    '+1700000000',
    '0',
    '00001700000000',
    '1e9',
    '0x65000000',
    '1700000000.5',
    '1700000000 ',
    'NaN',
    'Infinity',
    '9'.repeat(20),
    '１７０００００００００',
    `${now()},${now()}`,
    `${now()};drop`,
    `${now()}\r\nx: y`,
    '2026-11-22T12:00:00Z',
  ].map((at) =>
    withHeaders(`the timestamp ${JSON.stringify(at)}`, { 'webhook-timestamp': at }, '401 malformed-signature'),
  ),
  ...[
    'a.b',
    'a,a',
    'a b',
    'a\nb',
    'a\r\nwebhook-id: c',
    'a\u0000b',
    'grün',
    '🦊',
    'x'.repeat(256),
    `${'x'.repeat(10)}\u202e`,
  ].map((id) =>
    withHeaders(`the id ${JSON.stringify(id.slice(0, 20))}`, { 'webhook-id': id }, '401 malformed-signature'),
  ),
  ...[
    'v1',
    'v1,',
    'V1,AAAA',
    'none',
    'v1,none',
    `v2,${aSignature.slice(3)}`,
    `v1a,${aSignature.slice(3)}`,
    `v1,${Buffer.alloc(32, 1).toString('hex')}`,
    `v1,${Buffer.alloc(32, 251).toString('base64url')}`,
    `v1,${Buffer.alloc(20, 1).toString('base64')}`,
    `v1,${Buffer.alloc(64, 1).toString('base64')}`,
    `v1=${aSignature.slice(3)}`,
    `${aSignature},${aSignature}`,
    `${aSignature}, ${aSignature}`,
    `${aSignature}\t${aSignature}`,
    `${aSignature}\r\nwebhook-signature: ${aSignature}`,
    Array.from({ length: 11 }, () => aSignature).join(' '),
    ` ${aSignature}`,
  ].map((value) =>
    withHeaders(
      `the signature ${JSON.stringify(value.slice(0, 60))}`,
      { 'webhook-signature': value },
      '401 malformed-signature',
    ),
  ),
  {
    what: 'a valid signature after a comma from a repeated header',
    answer: '401 malformed-signature',
    request() {
      const headers = signedBytes(sound);
      return post(sound, { ...headers, 'webhook-signature': `${aSignature}, ${headers['webhook-signature']}` });
    },
  },
];

const skewed = (seconds: number, answer: string): Row => ({
  what: `a timestamp that is ${seconds} s off`,
  answer,
  request: () => post(sound, signedBytes(sound, { at: String(Math.floor(Date.now() / 1_000) + seconds) })),
});

const wrongSignatureRows: Row[] = [
  skewed(-310, '401 signature-expired'),
  skewed(310, '401 signature-expired'),
  skewed(-86_400, '401 signature-expired'),
  skewed(3_600, '401 signature-expired'),
  {
    what: 'a timestamp in milliseconds',
    answer: '401 malformed-signature',
    request: () => post(sound, signedBytes(sound, { at: String(Date.now()) })),
  },
  forged('another key', (id, at) => `v1,${hmac(Buffer.alloc(32, 9), `${id}.${at}.${sound}`)}`),
  forged('an empty key', (id, at) => `v1,${hmac('', `${id}.${at}.${sound}`)}`),
  forged('the secret itself as the key', (id, at) => `v1,${hmac(DEVELOPMENT_SECRET, `${id}.${at}.${sound}`)}`),
  forged(
    "the secret's base64 as the key",
    (id, at) => `v1,${hmac(DEVELOPMENT_SECRET.slice(6), `${id}.${at}.${sound}`)}`,
  ),
  forged('the body alone', () => `v1,${hmac(developmentKey, sound)}`),
  forged('id and body without the time', (id) => `v1,${hmac(developmentKey, `${id}.${sound}`)}`),
  forged('time and body without the id', (_, at) => `v1,${hmac(developmentKey, `${at}.${sound}`)}`),
  forged('another order of the parts', (id, at) => `v1,${hmac(developmentKey, `${at}.${id}.${sound}`)}`),
  forged('another id', (id, at) => `v1,${hmac(developmentKey, `${id}x.${at}.${sound}`)}`),
  forged('another time', (id, at) => `v1,${hmac(developmentKey, `${id}.${Number(at) - 1}.${sound}`)}`),
  forged('another body', (id, at) => `v1,${hmac(developmentKey, `${id}.${at}.{}`)}`),
  forged(
    'the body with other spaces',
    (id, at) => `v1,${hmac(developmentKey, `${id}.${at}.${JSON.stringify(order, null, 1)}`)}`,
  ),
  forged('a signature of zeros', () => `v1,${Buffer.alloc(32).toString('base64')}`),
  forged('SHA-512, cut to length', (id, at) => {
    const long = createHmac('sha512', developmentKey).update(`${id}.${at}.${sound}`).digest();
    return `v1,${long.subarray(0, 32).toString('base64')}`;
  }),
  forged('SHA-1', (id, at) => `v1,${hmac(developmentKey, `${id}.${at}.${sound}`, 'sha1')}`, '401 malformed-signature'),
  forged('an HMAC with an empty key of zero bytes', (id, at) => `v1,${hmac(Buffer.alloc(0), `${id}.${at}.${sound}`)}`),
  {
    what: 'a body that was changed after it was signed',
    answer: '401 wrong-signature',
    request: () => post(sound.replace('"quantity":1', '"quantity":9'), signedBytes(sound)),
  },
  {
    what: 'a body with a byte after the one that was signed',
    answer: '401 wrong-signature',
    request: () => post(`${sound} `, signedBytes(sound)),
  },
  {
    what: 'a missing body whose signature covers one',
    answer: '401 wrong-signature',
    request: () => post('', signedBytes(sound)),
  },
  {
    what: 'invalid UTF-8 that decodes to the signed text',
    answer: '400 malformed-json',
    request: () => post(Buffer.from('{"customerId":"\xff"}', 'latin1'), signedBytes('{"customerId":"\ufffd"}')),
  },
  withHeaders(
    'an Idempotency-Key other than the signed id',
    { 'idempotency-key': 'other' },
    '400 idempotency-key-mismatch',
  ),
  withHeaders('an empty Idempotency-Key', { 'idempotency-key': '' }, '400 missing-idempotency-key'),
  withHeaders('a broken quoted Idempotency-Key', { 'idempotency-key': '"open' }, '400 invalid-idempotency-key'),
  withHeaders('two Idempotency-Keys in one', { 'idempotency-key': '"a", "b"' }, '400 invalid-idempotency-key'),
  withHeaders(
    'an Idempotency-Key that forges a log line',
    { 'idempotency-key': 'a\n{"level":"INFO"}' },
    '400 invalid-idempotency-key',
  ),
  withHeaders(
    'an Idempotency-Key of 256 characters',
    { 'idempotency-key': 'x'.repeat(256) },
    '400 invalid-idempotency-key',
  ),
];

const headerRows: Row[] = [
  withHeaders('a header of 11 KB', { 'x-large': 'x'.repeat(11_000) }, '431 headers-too-large'),
  withHeaders(
    '101 headers',
    Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`x-${n}`, 'y'])),
    '431 headers-too-large',
  ),
  ...[
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/json; charset=iso-8859-1',
    'application/json\r\nx: y',
    'application/jsonp',
    'application/json5',
  ].map((type) =>
    withHeaders(`the content type ${JSON.stringify(type)}`, { 'content-type': type }, '415 unsupported-media-type'),
  ),
  ...['gzip', 'deflate', 'br', 'zstd', 'gzip, identity', 'x-gzip', 'chunked'].map((encoding) =>
    withHeaders(`the content encoding ${encoding}`, { 'content-encoding': encoding }, '415 unsupported-media-type'),
  ),
];

const bodyRows: Row[] = [
  withBody('a body above the limit', ' '.repeat(131_073), '413 body-too-large'),
  withBody('a base64 body above the limit', Buffer.alloc(131_073, 32), '413 body-too-large'),
  {
    what: 'a body above the limit with a smaller Content-Length',
    answer: '413 body-too-large',
    request: () => post(Buffer.alloc(200_000, 32), { ...signedBytes(sound), 'content-length': '10' }),
  },
  withBody('no body', '', '400 invalid-body'),
  ...[
    ['blanks', '   '],
    ['a truncated body', sound.slice(0, -1)],
    ['half a body', sound.slice(0, sound.length / 2)],
    ['a body and more', `${sound}{}`],
    ['a trailing comma', `${sound.slice(0, -1)},}`],
    ['a comment', `/* */${sound}`],
    ['single quotes', sound.replaceAll('"', "'")],
    ['no quotes', '{customerId:1}'],
    ['NaN', '{"a":NaN}'],
    ['a hexadecimal number', '{"a":0x10}'],
    ['a number with a leading zero', '{"a":01}'],
    ['a raw line feed in a text', '{"a":"b\nc"}'],
    ['an unknown escape', String.raw`{"a":"\x41"}`],
    ['two byte order marks', `\ufeff\ufeff${sound}`],
    ['XML', '<order/>'],
    ['a form', 'customerId=mallory&currency=EUR'],
  ].map(([what, body]) => withBody(what!, body!, '400 malformed-json')),
  ...[
    ['gzip without Content-Encoding', gzipSync(sound)],
    ['UTF-16', Buffer.from(sound, 'utf16le').fill(0xff, 0, 2)],
    ['an overlong UTF-8 form', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['a lone continuation byte', Buffer.from([0x22, 0x80, 0x22])],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['a truncated UTF-8 sequence', Buffer.from([0x22, 0xf0, 0x9f, 0xa6, 0x22])],
    ['a byte that is invalid in UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a code point past Unicode', Buffer.from([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22])],
  ].map(([what, body]) => withBody(what as string, body as Buffer, '400 malformed-json')),
  ...['null', '[]', '"x"', '1', 'true', '{}', '[{}]'].map((body) =>
    withBody(`the body ${body}`, body, '400 invalid-body'),
  ),
  withBody('17 levels', nested(17), '400 json-too-complex'),
  withBody('60,000 levels', nested(60_000), '400 json-too-complex'),
  withBody('objects 20 deep', '{"a":'.repeat(20) + '1' + '}'.repeat(20), '400 json-too-complex'),
  withBody('2,001 values', JSON.stringify(Array.from({ length: 2_001 }, () => 1)), '400 json-too-complex'),
  withBody('40,000 names', `{${Array.from({ length: 10_000 }, (_, n) => `"${n}":1`).join()}}`, '400 json-too-complex'),
  withOrder('10,000 items', { items: Array.from({ length: 5_000 }, () => 1) }, '400 json-too-complex'),
  withOrder('a text of 10,001 characters', { note: 'x'.repeat(10_001) }),
  ...['__proto__', 'constructor', 'prototype'].flatMap((name) => [
    withBody(`a field named ${name}`, `{"${name}":{"isAdmin":true},${sound.slice(1)}`, '400 invalid-body'),
    withBody(
      `a member ${name} further down`,
      sound.replace('"sku"', `"${name}":{"sku":"x"},"sku"`),
      '400 invalid-body',
    ),
  ]),
  withBody('__proto__ in escapes', `{"\\u005f\\u005fproto\\u005f\\u005f":{},${sound.slice(1)}`, '400 invalid-body'),
  withBody('a duplicate field', `{"currency":"USD",${sound.slice(1)}`, '400 invalid-body'),
  withBody('a duplicate field, once escaped', `{"c\\u0075rrency":"USD",${sound.slice(1)}`, '400 invalid-body'),
  withBody(
    'the same name twice further down',
    sound.replace('"quantity":1', '"quantity":1,"quantity":9'),
    '400 invalid-body',
  ),
  ...['1e400', '-1e400', '1e-400', '9007199254740993', '100000000000000000000', '1.00000000000000000001', '2.5'].map(
    (number) =>
      withBody(`the quantity ${number}`, sound.replace('"quantity":1', `"quantity":${number}`), '400 invalid-body'),
  ),
  ...[0, -1, 1_001, '1', null, true, [1], { $gt: 0 }].map((quantity) =>
    withItem(`the quantity ${JSON.stringify(quantity)}`, { quantity }),
  ),
  ...[-1, 1_000_000_001, 0.5, '100', null].map((unitPrice) =>
    withItem(`the price ${JSON.stringify(unitPrice)}`, { unitPrice }),
  ),
  withBody('a lone surrogate', sound.replace('hostile', '\\ud800'), '400 invalid-body'),
  ...[
    '',
    ' ',
    'a b',
    'a\u0000b',
    'a\nb',
    'a\r\nSet-Cookie: x=y',
    '../../etc/passwd',
    '..%2f..%2f',
    "' OR '1'='1",
    "x'; DROP TABLE stock; --",
    '{"$ne":null}',
    '${jndi:ldap://example.invalid/a}',
    '{{7*7}}',
    '$(id)',
    '`id`',
    '<script>alert(1)</script>',
    '"}\n{"level":"INFO","message":"forged"}',
    'appl\u0435',
    'cafe\u0301',
    'ａｐｐｌｅ',
    'a\u202eb',
    'a\u200bb',
    '🦊',
    'x'.repeat(101),
  ].map((sku) => withItem(`the SKU ${JSON.stringify(sku.slice(0, 40))}`, { sku })),
  ...['', 'a b', '__proto__ ', '../x', 'x'.repeat(101), 1, null, {}].map((customerId) =>
    withOrder(`the customer ${JSON.stringify(customerId).slice(0, 30)}`, { customerId }),
  ),
  ...['', 'eur', 'EURO', 'XXQ', 'E\u00dcR', 978, null].map((currency) =>
    withOrder(`the currency ${JSON.stringify(currency)}`, { currency }),
  ),
  withOrder('no items', { items: [] }),
  withOrder('51 items', { items: Array.from({ length: 51 }, () => item) }),
  withOrder('items that are a text', { items: 'apple' }),
  withOrder('an array-like object of items', { items: { 0: item, length: 1 } }),
  withOrder('an order with an orderId', { orderId: randomUUID() }),
  withOrder('an order with a total', { total: 0 }),
  withItem('an item with an unknown field', { discount: 100 }),
];

// Operators -------------------------------------------------------------------------------------------------------------

const own = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const DAY = 86_400;

/**
 * Returns the public key of the token issuer, so that a test can try to forge a token that uses this key as an HMAC
 * secret (key confusion).
 */
async function published(): Promise<JWK> {
  const { keys } = (await (await fetch(process.env.JWKS_URL!)).json()) as { keys: JWK[] };
  return keys[0]!;
}

const soundClaims = (): JWTPayload => ({
  iss: 'urn:surehop:development-issuer',
  aud: 'surehop',
  sub: 'mallory',
  scope: 'stock:write status:read dead-letters:read dead-letters:redrive',
  iat: Number(now()),
  exp: Number(now()) + 60,
});

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

type TokenMaker = () => string | Promise<string>;

const withToken = (what: string, make: TokenMaker, answer = '401 invalid-token'): Row => ({
  what,
  answer,
  request: async () => ({
    route: 'PUT /stock/{sku}',
    path: { sku: 'hostile' },
    body: { available: 666 },
    headers: { authorization: await make() },
  }),
});

/** Creates a token that an attacker signs with a key of their own, but that names the key id of the token issuer. */
const selfSigned =
  (header: object, claims: object = {}, key: KeyObject | Uint8Array = own.privateKey): TokenMaker =>
  async () => {
    const { kid } = await published();
    return `Bearer ${await new SignJWT({ ...soundClaims(), ...claims })
      .setProtectedHeader({ alg: 'RS256', kid, ...header })
      .sign(key)}`;
  };

/** A test case that sends a token with the given claims, signed by the token issuer. */
const issued = (what: string, claims: Record<string, unknown>, answer = '401 invalid-token'): Row =>
  withToken(what, async () => `Bearer ${await backend.issuer.sign({ ...soundClaims(), ...claims })}`, answer);

const bearer = async () => `Bearer ${await backend.issuer.token()}`;

const tokenRows: Row[] = [
  {
    what: 'no token',
    answer: '401 no-token',
    request: () => ({ route: 'PUT /stock/{sku}', path: { sku: 'hostile' }, body: { available: 666 } }),
  },
  {
    what: 'a token in the query',
    answer: '401 no-token',
    request: async () => ({ route: 'GET /status', query: { access_token: await backend.issuer.token() } }),
  },
  {
    what: 'a token in a cookie',
    answer: '401 no-token',
    request: async () => ({ route: 'GET /status', headers: { cookie: `token=${await backend.issuer.token()}` } }),
  },
  ...['Bearer', 'Bearer ', 'Bearer x', 'Bearer a.b', 'Bearer a.b.c.d.e', 'Basic YTpi', 'Token a.b.c', 'Bearer ..'].map(
    (header) => withToken(`the header ${JSON.stringify(header)}`, () => header),
  ),
  withToken('a token without its scheme', () => backend.issuer.token()),
  withToken('two tokens', async () => `${await bearer()}, ${await bearer()}`),
  withToken('a token and a line', async () => `${await bearer()}\r\nx-admin: 1`),
  withToken('a token with a blank after it', async () => `${await bearer()} `),
  withToken(
    'a token of 9 KB',
    async () => `Bearer ${await backend.issuer.sign({ ...soundClaims(), x: 'x'.repeat(7_000) })}`,
  ),
  withToken('alg none', () => `Bearer ${new UnsecuredJWT(soundClaims()).encode()}`),
  ...['none', 'None', 'NONE', ''].map((alg) =>
    withToken(
      `alg ${JSON.stringify(alg)} with a signature`,
      () => `Bearer ${encode({ alg })}.${encode(soundClaims())}.AAAA`,
    ),
  ),
  withToken('no alg', () => `Bearer ${encode({ typ: 'JWT' })}.${encode(soundClaims())}.AAAA`),
  withToken('HS256 with the public key as PEM (key confusion)', async () => {
    const jwk = await published();
    const pem = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    return selfSigned({ alg: 'HS256' }, {}, Buffer.from(pem))();
  }),
  withToken('HS256 with the modulus (key confusion)', async () =>
    selfSigned({ alg: 'HS256' }, {}, Buffer.from((await published()).n!, 'base64url'))(),
  ),
  withToken('HS256 with an empty key', async () => {
    const { kid } = await published();
    const content = `${encode({ alg: 'HS256', kid })}.${encode(soundClaims())}`;
    return `Bearer ${content}.${createHmac('sha256', '').update(content).digest('base64url')}`;
  }),
  withToken('a key of its own under the known kid', selfSigned({})),
  withToken('RS512 where RS256 is asked for', selfSigned({ alg: 'RS512' })),
  withToken('PS256 where RS256 is asked for', selfSigned({ alg: 'PS256' })),
  withToken('an unknown kid', selfSigned({ kid: 'other' })),
  withToken('a kid that is a path', selfSigned({ kid: '../../dev/null' })),
  withToken('a kid that is SQL', selfSigned({ kid: "x' UNION SELECT 'key" })),
  withToken('a key that the token brings itself', selfSigned({ jwk: own.publicKey.export({ format: 'jwk' }) })),
  withToken('a key at an address that the token names', selfSigned({ jku: 'https://example.invalid/jwks.json' })),
  withToken('a certificate at an address that the token names', selfSigned({ x5u: 'https://example.invalid/x' })),
  withToken('an extension that nobody knows', async () => {
    const { kid } = await published();
    return `Bearer ${encode({ alg: 'RS256', kid, crit: ['x'], x: 1 })}.${encode(soundClaims())}.AAAA`;
  }),
  withToken('an encrypted token', () => `Bearer ${encode({ alg: 'dir', enc: 'A256GCM' })}.AA.AA.AA.AA`),
  withToken('claims changed after they were signed', async () => {
    const [header, , signature] = (await bearer()).slice('Bearer '.length).split('.');
    return `Bearer ${header}.${encode({ ...soundClaims(), sub: 'root' })}.${signature}`;
  }),
  withToken('no signature', async () => `${(await bearer()).split('.').slice(0, 2).join('.')}.`),
  withToken('a signature cut short', async () => (await bearer()).slice(0, -10)),
  withToken('a header that is no JSON', async () => (await bearer()).replace(/Bearer [^.]+/, 'Bearer AAAA')),
  withToken(
    'claims that are no object',
    () => `Bearer ${encode({ alg: 'RS256' })}.${Buffer.from('[]').toString('base64url')}.AAAA`,
  ),
  issued('an expired token', { exp: Number(now()) - 60 }, '401 token-expired'),
  issued('a token that never expires', { exp: undefined }),
  issued('an expiry that is a text', { exp: 'never' }),
  issued('a token that is not valid yet', { nbf: Number(now()) + DAY }),
  issued('another issuer', { iss: 'https://example.invalid' }),
  issued('an issuer that begins alike', { iss: 'urn:surehop:development-issuer.example.invalid' }),
  issued('no issuer', { iss: undefined }),
  issued('another audience', { aud: 'other' }),
  issued('no audience', { aud: undefined }),
  issued('audiences of which none is ours', { aud: ['a', 'b'] }),
  issued('nobody', { sub: undefined }),
  issued('an empty subject', { sub: '' }),
  issued('a subject that forges a line', { sub: 'ada\r\naudit: done' }),
  issued('a subject that is no text', { sub: { name: 'ada' } }),
  issued('no scope', { scope: undefined }, '403 insufficient-scope'),
  issued('an empty scope', { scope: '' }, '403 insufficient-scope'),
  issued('another scope', { scope: 'status:read' }, '403 insufficient-scope'),
  issued('a scope that begins alike', { scope: 'stock:write:all' }, '403 insufficient-scope'),
  issued('a scope in capitals', { scope: 'STOCK:WRITE' }, '403 insufficient-scope'),
  issued('scopes with commas', { scope: 'stock:write,status:read' }, '403 insufficient-scope'),
  issued('a wildcard', { scope: '*' }, '403 insufficient-scope'),
  issued('a scope that is an object', { scope: { 'stock:write': true } }, '403 insufficient-scope'),
  ...[
    ['GET /status', {}],
    ['GET /dead-letters', {}],
    ['GET /dead-letters/{id}', { path: { id: 'x' } }],
    ['POST /dead-letters/redrive', { body: { filter: {} } }],
    ['POST /dead-letters/{id}/redrive', { path: { id: 'x' }, body: {} }],
    ['DELETE /dead-letters/{id}', { path: { id: 'x' }, body: { reason: 'x' } }],
  ].flatMap(([route, about]): Row[] => [
    {
      what: `${route as string} without a token`,
      answer: '401 no-token',
      request: () => ({ route: route as string, ...(about as About) }),
    },
    {
      what: `${route as string} with an order signature`,
      answer: '401 no-token',
      request: () => ({ route: route as string, ...(about as About), headers: signedBytes('') }),
    },
    {
      what: `${route as string} with the scope of another route`,
      answer: '403 insufficient-scope',
      request: async () => ({
        route: route as string,
        ...(about as About),
        headers: { authorization: `Bearer ${await backend.issuer.token(['stock:write'])}` },
      }),
    },
  ]),
];

// Paths and queries -----------------------------------------------------------------------------------------------------

const asOperator = (what: string, about: About, answer: string): Row => ({
  what,
  answer,
  request: async () => ({ ...about, headers: { authorization: await bearer() } }),
});

const parameterRows: Row[] = [
  ...[
    '',
    '..',
    '../stock',
    'a/b',
    'a%2fb',
    '%00',
    'a\u0000',
    'a b',
    "'--",
    '<x>',
    'x'.repeat(101),
    'ü',
    '*',
    '\\',
  ].flatMap((sku): Row[] =>
    sku === '..'
      ? [] // '..' is a valid SKU
      : [
          {
            what: `GET /stock/${JSON.stringify(sku.slice(0, 20))}`,
            answer: '400 invalid-parameters',
            request: () => ({ route: 'GET /stock/{sku}', path: { sku } }),
          },
        ],
  ),
  ...['', 'x'.repeat(101)].map((id): Row => ({
    what: `an order id of ${id.length} characters`,
    answer: '400 invalid-parameters',
    request: () => ({ route: 'GET /orders/{id}', path: { id } }),
  })),
  ...['../x', "' OR 1=1", '%00', '\u0000', '🦊', '__proto__', 'constructor'].map((id): Row => ({
    what: `the order ${JSON.stringify(id)}`,
    answer: '404 not-found',
    request: () => ({ route: 'GET /orders/{id}', path: { id } }),
  })),
  ...['a b', '../x', '\u0000', 'x'.repeat(101)].map((id): Row => ({
    what: `points of ${JSON.stringify(id.slice(0, 20))}`,
    answer: '400 invalid-parameters',
    request: () => ({ route: 'GET /customers/{id}/points', path: { id } }),
  })),
  ...['0', '-1', '101', '1e1', '0x10', ' 5', '5 ', '', '1.5', 'NaN', '１', '5;6'].map((limit) =>
    asOperator(
      `the limit ${JSON.stringify(limit)}`,
      { route: 'GET /dead-letters', query: { limit } },
      '400 invalid-parameters',
    ),
  ),
  ...(
    [
      { cursor: 'x' },
      { cursor: Buffer.from('2026-11-22T12:00:00.000Z#\n').toString('base64url') },
      { cursor: 'x'.repeat(1_001) },
      { status: 'lost' },
      { queue: '' },
      { colour: 'red' },
      { ['__proto__']: 'x' },
      { 'limit[]': '5' },
      { 'filter[$ne]': 'x' },
    ] as Record<string, string>[]
  ).map((query) =>
    asOperator(
      `the query ${JSON.stringify(query).slice(0, 40)}`,
      { route: 'GET /dead-letters', query },
      '400 invalid-parameters',
    ),
  ),
  ...['nothing', '../../x', '\u0000', '#0', '🦊'].map((id) =>
    asOperator(
      `the dead letter ${JSON.stringify(id)}`,
      { route: 'GET /dead-letters/{id}', path: { id } },
      '404 not-found',
    ),
  ),
  asOperator(
    'a negative stock',
    { route: 'PUT /stock/{sku}', path: { sku: 'hostile' }, body: { available: -1 } },
    '400 invalid-body',
  ),
  asOperator(
    'a stock that is an object',
    { route: 'PUT /stock/{sku}', path: { sku: 'hostile' }, body: { available: { $inc: 1 } } },
    '400 invalid-body',
  ),
  asOperator(
    'a reason of 1,001 characters',
    { route: 'PUT /stock/{sku}', path: { sku: 'hostile' }, body: { available: 1, reason: 'x'.repeat(1_001) } },
    '400 invalid-body',
  ),
];

const rows = [
  ...unsignedRows,
  ...malformedRows,
  ...wrongSignatureRows,
  ...headerRows,
  ...bodyRows,
  ...tokenRows,
  ...parameterRows,
];

test('the tests in hostile-input.test.ts send at least 150 different hostile requests', () => {
  expect(rows.length).toBeGreaterThanOrEqual(150);
});

test.each(rows.map((row) => [row.what, row.answer, row] as const))(
  'an HTTP request with %s gets the response %s',
  async (_, answer, { request }) => {
    const about = await request();
    const got = await call(handlers[about.route!]!, about);
    expect(`${got.status} ${String(got.body.type).replace('urn:surehop:problem:', '')}`).toBe(answer);
    expect(got.headers['content-type']).toBe('application/problem+json');
    expect(got.headers['x-content-type-options']).toBe('nosniff');
    if (got.status === 401 || got.status === 403) expect(got.headers['www-authenticate']).toEqual(expect.any(String));
    // A response to a hostile request must contain no secrets, HTML or stack frames.
    expect(JSON.stringify(got)).not.toMatch(/whsec_|eyJ|<script>|\bat .*\.ts:/);
  },
);

test('the requests in hostile-input.test.ts publish no message and change no DynamoDB item', async () => {
  expect(await backend.host.drain('stock')).toEqual([]);
  expect(await backend.host.drain('points')).toEqual([]);
  const { store } = await import('../../../lib/dynamodb/store.ts');
  const surehop = await backend.surehop();
  const prefix = process.env.TABLE_PREFIX;
  for (const table of ['orders', 'audit', 'inbox', 'dead-letters'])
    expect([table, (await store(surehop).send(new ScanCommand({ TableName: `${prefix}${table}` }))).Items]).toEqual([
      table,
      [],
    ]);
  const stock = new GetItemCommand({ TableName: `${prefix}stock`, Key: { sku: { S: 'hostile' } } });
  expect((await store(surehop).send(stock)).Item).toBeUndefined();
  expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
});

test('a valid order is accepted if the timestamp of the signature is 290 seconds in the past or in the future', async () => {
  for (const seconds of [0, -290, 290]) {
    const at = String(Math.floor(Date.now() / 1_000) + seconds);
    const got = await call(handlers['POST /orders']!, post(sound, signedBytes(sound, { at })));
    expect(got.status).toBe(202);
  }
});
