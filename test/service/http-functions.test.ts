import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { startService, type Service } from '../../infra/dev/runtime/service.ts';
import { eventually } from '../support/eventually.ts';

/**
 * The source code of small HTTP functions by name. Each function returns a different kind of result or fails in a
 * different way.
 */
const handlers: Readonly<Record<string, string>> = {
  readyz: `async () => ({ statusCode: 200, body: JSON.stringify({ status: 'ready' }) })`,
  throws: `async () => { throw new TypeError('the rule is broken'); }`,
  'throws-text': `async () => { throw 'just a text'; }`,
  'throws-later': `() => new Promise(() => setTimeout(() => { throw new Error('from a timer'); }, 10))`,
  'leaves-rejection': `() => new Promise(() => { Promise.reject(new Error('an unhandled rejection')); })`,
  exits: `() => process.exit(3)`,
  'takes-too-long': `() => new Promise(() => {})`,
  'loops-forever': `() => { for (;;); }`,
  'wrong-status': `async () => ({ statusCode: 'fine' })`,
  'wrong-body': `async () => ({ statusCode: 200, body: { not: 'text' } })`,
  plain: `async () => ({ hello: 'you' })`,
  echo: `async ({ body }) => ({ statusCode: 200, body })`,
  nothing: `async () => {}`,
  unused: `async () => ({ statusCode: 200, body: 'unused until now' })`,
  teapot: `async () => ({ statusCode: 418, headers: { 'x-kind': 'tea' }, body: 'short and stout' })`,
};

const versioned = (version: number) =>
  `export const handler = async () => { await new Promise((r) => setTimeout(r, 300)); return { statusCode: 200, body: 'version ${version}' }; };\n`;

let directory: string;
let service: Service;
const lines: string[] = [];
const source = (name: string) => join(directory, 'functions', `${name}.ts`);

beforeAll(async () => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'surehop-http-functions-')));
  for (const name of ['infra', 'lib', 'node_modules', 'package.json'])
    symlinkSync(join(rootDirectory, name), join(directory, name));
  mkdirSync(join(directory, 'functions'));
  for (const [name, handler] of Object.entries(handlers))
    writeFileSync(source(name), `export const handler: unknown = ${handler};\n`);
  writeFileSync(source('cannot-load'), `throw new Error('not today');\nexport const handler = () => {};\n`);
  writeFileSync(source('versioned'), versioned(1));
  const names = [...Object.keys(handlers), 'cannot-load', 'versioned'];
  const quick = new Set(['takes-too-long', 'loops-forever']);
  writeFileSync(
    join(directory, 'serverless.yml'),
    stringify({
      service: 'kinds',
      plugins: ['serverless-surehop/bundler', 'surehop-dev/http-functions', 'serverless-offline'],
      provider: {
        name: 'aws',
        runtime: 'nodejs24.x',
        region: 'eu-central-1',
        timeout: 20,
        memorySize: 256,
        environment: { URN_NAMESPACE: 'kinds' },
      },
      custom: { 'serverless-offline': { noPrependStageInUrl: true } },
      functions: Object.fromEntries(
        names.map((name) => [
          name,
          {
            handler: `functions/${name}.handler`,
            ...(quick.has(name) && { timeout: 1 }),
            events: [{ httpApi: `${name === 'echo' ? 'POST' : 'GET'} /${name}` }],
          },
        ]),
      ),
    }),
  );
  service = await start(directory, (line) => void lines.push(line));
}, 120_000);

afterAll(async () => {
  await service?.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

async function start(serviceDirectory: string, output: (line: string) => void = () => {}): Promise<Service> {
  const [httpPort] = await freePorts(1);
  return startService({
    httpPort: httpPort!,
    broker: { amqpUrl: 'amqp://127.0.0.1:1', managementUrl: 'http://127.0.0.1:1' },
    store: { endpoint: 'http://127.0.0.1:1' },
    tablePrefix: 'none-',
    dataDirectory: mkdtempSync(join(serviceDirectory, 'data-')),
    serviceDirectory,
    watch: true,
    say: () => {},
    output,
  });
}

/** Sends an HTTP request exactly as given, because `fetch` normalizes requests and refuses some malformed requests. */
const send = async (
  path: string,
  { method, headers, body }: { method: string; headers?: Record<string, string>; body?: string },
) =>
  new Promise<{ status: number; type: string | undefined; text: string }>((resolve, reject) => {
    const { port } = new URL(service.url);
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], text }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });

const get = async (path: string) => {
  const response = await fetch(`${service.url}${path}`);
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};

describe('an HTTP function that fails', () => {
  test('the log contains the TypeScript line at which a function threw an error', async () => {
    await get('/throws');
    const frame = await eventually('the stack trace in the log', () =>
      /functions\/throws\.ts:1:\d+/.exec(readFileSync(service.logFile, 'utf8')),
    );
    expect(frame).not.toBeNull();
  });

  test.each([
    ['throws', 'TypeError: the rule is broken'],
    ['throws-text', 'just a text'],
    ['throws-later', 'ended before it responded'],
    ['leaves-rejection', 'ended before it responded'],
    ['exits', 'ended before it responded (exit code 3)'],
    ['cannot-load', 'not today'],
    ['takes-too-long', 'timed out after 1000 ms'],
    ['loops-forever', 'timed out after 1000 ms'],
    ['wrong-status', 'not an HTTP response'],
    ['wrong-body', 'not an HTTP response'],
  ])(
    'a request to a function that fails is answered 500 with a problem document (function %s)',
    async (name, reason) => {
      const { status, type, text } = await get(`/${name}`);
      expect([status, type]).toEqual([500, 'application/problem+json']);
      expect(JSON.parse(text)).toMatchObject({ type: 'urn:kinds:problem:internal-error', status: 500 });
      expect(text).toContain(reason);
      // The failure of one function does not end the service.
      expect(await get('/plain')).toMatchObject({ status: 200, text: '{"hello":"you"}' });
    },
  );

  test('GET /metrics counts a request as status 500 if its function ended without an answer', async () => {
    expect(await get('/exits')).toMatchObject({ status: 500 });
    const series = 'surehop_requests_total{service="kinds",stage="local",route="GET /exits",status="500"}';
    await eventually('the request to be counted', async () => (await get('/metrics')).text.includes(`${series} `));
  });

  test('if a function fails, the reason is printed on the terminal', () => {
    expect(
      lines.filter((line) => line.includes('throws function failed') && line.includes('the rule is broken')),
    ).not.toHaveLength(0);
  });
});

describe('an HTTP function that does not fail', () => {
  test.each([
    ['plain', 200, '{"hello":"you"}'],
    ['nothing', 200, 'null'],
    ['teapot', 418, 'short and stout'],
  ])(
    'npm start converts the result of a function to an HTTP response in the same way as API Gateway (function %s)',
    async (name, status, text) => {
      expect(await get(`/${name}`)).toMatchObject({ status, text });
    },
  );
});

test.each([
  ['whose path is malformed', 400, { path: '/plain/%zz' }],
  ['whose cookie is malformed', 400, { path: '/plain', headers: { cookie: 'a="' } }],
  ['whose body is larger than API Gateway accepts', 413, { path: '/echo', body: 'x'.repeat(10 * 1024 * 1024 + 1) }],
] as const)(
  'the local HTTP server answers a request %s with status %d and a problem document',
  async (_, status, { path, ...rest }) => {
    const response = await send(path, { method: 'body' in rest ? 'POST' : 'GET', ...rest });
    expect([response.status, response.type]).toEqual([status, 'application/problem+json']);
    expect(JSON.parse(response.text)).toMatchObject({ status, type: expect.any(String), title: expect.any(String) });
  },
);

test('a request to an unknown path is answered 404 with a problem document', async () => {
  for (const path of ['/', '/nowhere', '/plain/deeper', '/no-such-route']) {
    const { status, type, text } = await get(path);
    expect([path, status, type]).toEqual([path, 404, 'application/problem+json']);
    expect(JSON.parse(text)).toMatchObject({ type: 'urn:kinds:problem:not-found' });
  }
});

test('a request with an HTTP method that the path does not support is answered 404 with a problem document', async () => {
  const response = await fetch(`${service.url}/plain`, { method: 'POST', body: '{}' });
  expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
});

describe('rebuilding the functions while the service runs', () => {
  test('no request to a function fails while the function is rebuilt several times', async () => {
    const answers: string[] = [];
    let isOver = false;
    const client = async () => {
      while (!isOver) {
        const { status, text } = await get('/versioned');
        answers.push(`${status} ${text}`);
      }
    };
    const clients = Array.from({ length: 4 }, client);
    for (let version = 2; version <= 5; version += 1) {
      writeFileSync(source('versioned'), versioned(version));
      await eventually(`version ${version} answers`, () => answers.includes(`200 version ${version}`));
    }
    isOver = true;
    await Promise.all(clients);
    expect([...new Set(answers)].filter((answer) => !/^200 version [1-5]$/.test(answer))).toEqual([]);
    // The new version may answer before its rebuild is reported.
    const reports = () => lines.filter((line) => line.includes('Functions rebuilt: versioned.'));
    await eventually('a report of each rebuild', () => reports().length >= 4);
    expect(reports()).toHaveLength(4);
  });

  test('an edit that does not change the code of a function is not reported as a rebuild', async () => {
    const before = lines.length;
    writeFileSync(source('versioned'), `// a comment\n${versioned(5)}`);
    writeFileSync(source('plain'), `export const handler = async () => ({ hello: 'all' });\n`);
    await eventually('the new version answers', async () => (await get('/plain')).text === '{"hello":"all"}');
    const reports = () => lines.slice(before).filter((line) => line.includes('rebuilt'));
    await eventually('the report of the rebuild', () => reports().length > 0);
    expect(reports()).toHaveLength(1);
    expect(reports()[0]).toContain('Functions rebuilt: plain.');
  });

  test('a syntax error in a source file is reported in one line, and the previous version of the function keeps running', async () => {
    const before = lines.length;
    writeFileSync(source('plain'), `export const handler = async () => ({ hello: \n`);
    await eventually('the mistake is reported', () => lines.slice(before).join('\n').includes('Functions not rebuilt'));
    expect(await get('/plain')).toMatchObject({ status: 200, text: '{"hello":"all"}' });
    expect(lines.slice(before).filter((line) => line.includes('plain.ts'))).toHaveLength(1);
  });

  test("the first rebuild after a syntax error is reported, even if no function's code has changed", async () => {
    const before = lines.length;
    writeFileSync(source('plain'), `export const handler = async () => ({ hello: 'all' });\n`);
    const reports = () => lines.slice(before).filter((line) => line.includes('rebuilt'));
    await eventually('the report of the rebuild', () => reports().length > 0);
    expect(reports()).toEqual([expect.stringContaining('Functions rebuilt; nothing changed.')]);
  });
});

test("two services in the same folder do not delete each other's bundles, and starting a service deletes the bundles of ended processes", async () => {
  const bundles = join(directory, '.build');
  const [first] = readdirSync(bundles);
  // No process can have this id.
  mkdirSync(join(bundles, `${hostname()}-999999999`, 'functions'), { recursive: true });
  mkdirSync(join(bundles, 'another-host-999999999', 'functions'), { recursive: true });
  const second = await start(directory);
  try {
    const answers = await Promise.all([service, second].map(async ({ url }) => (await fetch(`${url}/unused`)).text()));
    expect(answers).toEqual(['unused until now', 'unused until now']);
    expect(readdirSync(bundles)).toHaveLength(3);
  } finally {
    await second.stop();
  }
  expect(readdirSync(bundles).toSorted()).toEqual([first, 'another-host-999999999'].toSorted());
  expect(existsSync(join(bundles, first!, 'functions/unused.mjs'))).toBe(true);
}, 120_000);

test('npm start answers requests above the rate limit with the status, the headers and the body that API Gateway sends', async () => {
  const throttled = realpathSync(mkdtempSync(join(tmpdir(), 'surehop-throttled-')));
  let running: Service | undefined;
  try {
    for (const name of ['infra', 'lib', 'node_modules', 'package.json', 'functions'])
      symlinkSync(join(name === 'functions' ? directory : rootDirectory, name), join(throttled, name));
    writeFileSync(
      join(throttled, 'serverless.yml'),
      stringify({
        service: 'throttled',
        plugins: ['serverless-surehop/bundler', 'surehop-dev/http-functions', 'serverless-offline'],
        provider: { name: 'aws', runtime: 'nodejs24.x', region: 'eu-central-1' },
        custom: { 'serverless-offline': { noPrependStageInUrl: true }, httpThrottle: { ratePerSecond: 1, burst: 2 } },
        functions: { readyz: { handler: 'functions/readyz.handler', events: [{ httpApi: 'GET /readyz' }] } },
      }),
    );
    running = await start(throttled);
    const refused = await eventually('a refused request', async () => {
      const response = await fetch(`${running!.url}/readyz`);
      return response.status === 200 ? undefined : response;
    });
    expect([refused.status, await refused.text()]).toEqual([429, '{"message":"Too Many Requests"}']);
    expect(refused.headers.get('content-type')).toBe('application/json');
    expect(refused.headers.get('apigw-requestid')).not.toBeNull();
    expect(refused.headers.get('retry-after')).toBeNull();
  } finally {
    await running?.stop();
    rmSync(throttled, { recursive: true, force: true });
  }
}, 120_000);

test('the service does not start if a Serverless plugin fails during the start, even if the HTTP server already answers', async () => {
  const broken = realpathSync(mkdtempSync(join(tmpdir(), 'surehop-broken-plugin-')));
  try {
    for (const name of ['infra', 'lib', 'node_modules', 'package.json'])
      symlinkSync(join(rootDirectory, name), join(broken, name));
    mkdirSync(join(broken, 'functions'));
    writeFileSync(join(broken, 'functions/readyz.ts'), `export const handler: unknown = ${handlers['readyz']};\n`);
    const hook = `async () => { await new Promise((r) => setTimeout(r, 2_000)); throw new Error('no queue to read'); }`;
    writeFileSync(
      join(broken, 'plugin.cjs'),
      `module.exports = class { hooks = { 'before:offline:start:ready': ${hook} }; };\n`,
    );
    writeFileSync(
      join(broken, 'serverless.yml'),
      stringify({
        service: 'broken',
        plugins: ['serverless-surehop/bundler', 'surehop-dev/http-functions', './plugin.cjs', 'serverless-offline'],
        provider: { name: 'aws', runtime: 'nodejs24.x', region: 'eu-central-1' },
        custom: { 'serverless-offline': { noPrependStageInUrl: true } },
        functions: { readyz: { handler: 'functions/readyz.handler', events: [{ httpApi: 'GET /readyz' }] } },
      }),
    );
    const starting = start(broken);
    await expect(starting).rejects.toThrow(/the service did not start \(.*\)[\s\S]*no queue to read/);
  } finally {
    rmSync(broken, { recursive: true, force: true });
  }
}, 120_000);
