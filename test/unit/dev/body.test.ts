import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { parseJson, readText } from '../../../infra/dev/client/body.ts';
import { sendRequest } from '../../../infra/dev/client/service-client.ts';

test('surehop reads a JSON file that begins with a byte-order mark', () => {
  const directory = mkdtempSync(join(tmpdir(), 'body-'));
  try {
    const file = join(directory, 'event.json');
    writeFileSync(file, '\ufeff{"isbn": "1"}');
    expect(parseJson(readText(`@${file}`), file)).toEqual({ isbn: '1' });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each([
  '12345678901234567890',
  '9007199254740993',
  '-9007199254740993',
  '0.12345678901234567890',
  '1e400',
  '1e-400',
  `1${'0'.repeat(400)}`,
])('surehop refuses the number %s in JSON, because JavaScript would change the number', (number) => {
  expect(() => parseJson(`{"text": "\\"1", "id": [${number}]}`, 'the body')).toThrow(/^the body contains the number /);
});

test('surehop accepts a number in a JSON body if JavaScript keeps its exact value; digits inside strings are not checked', () => {
  const json =
    '{"a":[0,-0,0.0,10,-1.50,1.20e3,5E-7,9007199254740992,1e21,100000000000000000000000,0.1],"b":"12345678901234567890\\"12345678901234567890"}';
  expect(parseJson(json, 'the body')).toEqual(JSON.parse(json));
});

test.each([
  ['', '/orders?limit=1'],
  ['/', '/orders?limit=1'],
  ['/v1', '/v1/orders?limit=1'],
  ['/shop/v1/', '/shop/v1/orders?limit=1'],
])('surehop with --url keeps the path "%s" of the URL and requests %s', async (base, requested) => {
  const server = createServer(({ url }, response) => void response.end(url));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}${base}`;
    const { text } = await sendRequest(url, { method: 'GET', path: '/orders?limit=1' });
    expect(text).toBe(requested);
  } finally {
    server.close();
  }
});
