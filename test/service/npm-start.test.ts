import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { localClient } from '../../infra/dev/runtime/store/tables.ts';
import { settingNames } from '../../lib/settings.ts';
import { aVirtualHost, type VirtualHost } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { linkPackages } from '../support/link-packages.ts';

// Each edit bundles all functions again, which takes long on a busy machine.
jest.setTimeout(300_000);

interface Running {
  readonly lines: string[];
  /** Resolves with the exit code of the command, or with null if a signal ended it. */
  readonly ended: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
}

let clone: string;
let host: VirtualHost;
let url: string;

const inClone = (file: string) => join(clone, file);
const edit = (file: string, change: (text: string) => string) => {
  const before = readFileSync(inClone(file), 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(inClone(file), after);
  return () => writeFileSync(inClone(file), before);
};

function run(
  command: string,
  { args = [], settings = {} }: { args?: string[]; settings?: Record<string, string> } = {},
): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !settingNames.includes(name as never));
  const child = spawn(process.execPath, ['infra/dev/run.mjs', command, ...args], {
    cwd: clone,
    env: { ...Object.fromEntries(inherited), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => void lines.push(line));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { lines, ended, signal: (name) => void child.kill(name) };
}

beforeAll(async () => {
  host = await aVirtualHost();
  clone = realpathSync(mkdtempSync(join(tmpdir(), 'surehop-clone-')));
  for (const name of [
    'functions',
    'infra',
    'lib',
    'package.json',
    'package-lock.json',
    'serverless.yml',
    'tsconfig.json',
  ])
    cpSync(join(rootDirectory, name), inClone(name), { recursive: true });
  linkPackages(clone);
  const [port] = await freePorts(1);
  url = `http://localhost:${port}`;
}, 60_000);

afterAll(async () => {
  await host?.remove();
  rmSync(clone, { recursive: true, force: true });
});

describe('npm start with invalid settings or files', () => {
  const refusal = async (settings: Record<string, string> = {}) => {
    const { lines, ended } = run('start', { settings });
    return { code: await ended, lines };
  };

  test('npm start with an invalid setting prints one line and ends with exit code 2', async () => {
    const { code, lines } = await refusal({ SIGNING_SECRETS: 'local:whsec_x' });
    expect(code).toBe(2);
    expect(lines).toEqual([
      expect.stringMatching(/^surehop: wrong setting: SIGNING_SECRETS is wrong: .* for example /),
    ]);
  });

  test('npm start with several invalid settings names all of them in one line and ends with exit code 2', async () => {
    const { code, lines } = await refusal({ STAGE: 'prod', BATCH_CONCURRENCY: 'x', TABLE_PREFIX: 'bad prefix!' });
    expect(code).toBe(2);
    expect(lines).toHaveLength(1);
    for (const name of ['STAGE', 'BATCH_CONCURRENCY', 'TABLE_PREFIX']) expect(lines[0]).toContain(`${name} is "`);
  });

  test.each([
    [
      'infra/stages/dev.ts',
      'batchSize: 100',
      'batchSize: 0',
      'wrong settings in infra/stages/dev.ts: eventSource.batchSize: ',
    ],
    ['serverless.yml', '${consumes:stock}', '${consumes:stokc}', 'no queue "stokc" in infra/topology.ts'],
    ['serverless.yml', 'functions:\n', 'functions: [\n', 'serverless.yml cannot be read: '],
    ['infra/topology.ts', 'export const topology', 'export const = topology', 'infra/topology.ts:'],
    ['infra/tables.ts', "key: { sku: 'S' }", "key: { sku: 'T' }", 'infra/tables.ts contains mistakes: stock.key.sku: '],
    ['infra/tables.ts', 'key: { sku:', 'kye: { sku:', 'infra/tables.ts contains mistakes: stock.key: '],
  ])(
    'npm start prints one line and ends with exit code 2 if a file contains a mistake (file %s, changed text: %s)',
    async (file, right, wrong, reason) => {
      const undo = edit(file, (text) => text.replace(right, wrong));
      const { code, lines } = await refusal();
      undo();
      expect(code).toBe(2);
      expect(lines).toEqual([expect.stringContaining(reason)]);
    },
  );

  test('npm start prints the mistake and ends with exit code 2 if Serverless rejects serverless.yml', async () => {
    const undo = edit('serverless.yml', (text) => text.replace('  get-points:\n', '  get-points:\n    timeot: 7\n'));
    const { code, lines } = await refusal({
      AMQP_URL: host.amqpUrl,
      MANAGEMENT_URL: process.env['MANAGEMENT_URL']!,
      DYNAMODB_ENDPOINT: process.env['DYNAMODB_ENDPOINT']!,
      TABLE_PREFIX: `${host.name}-`,
      HTTP_PORT: new URL(url).port,
    });
    undo();
    expect(lines.at(-1)).toMatch(
      /^surehop: serverless\.yml contains a mistake: Configuration error at 'functions\.get-points': unrecognized property 'timeot'/,
    );
    expect(code).toBe(2);
  });
});

describe('npm start while source files are edited', () => {
  let running: Running;
  let seen = 0;
  let isOver = false;

  /** Returns the lines about edited files that `npm start` has printed since the previous call. */
  const news = (): string[] => {
    const fresh = running.lines.slice(seen);
    seen = running.lines.length;
    return fresh.filter((line) => /rebuilt|restart|not applied|topology:|created/.test(line));
  };
  const until = async (what: string, isMet: () => boolean) => {
    while (!isMet()) {
      if (isOver) throw new Error(`npm start ended before it printed: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  /**
   * Waits until `npm start` prints a line that matches a pattern. Returns the lines about edited files that `npm start`
   * has printed since the previous call.
   */
  const reported = async (pattern: RegExp): Promise<string[]> => {
    await until(String(pattern), () => running.lines.slice(seen).some((line) => pattern.test(line)));
    return news();
  };

  let marks = 0;
  /**
   * Waits until `npm start` has handled all earlier edits, and returns the lines that `npm start` printed about these
   * edits.
   */
  const settled = async (): Promise<string[]> => {
    marks += 1;
    const mark = `mark${marks}`;
    edit('functions/operations/healthz.ts', (text) =>
      text.replace(/(\nconsole\.debug\(.*\);\n)?$/, `\nconsole.debug('${mark}');\n`),
    );
    edit('serverless.yml', (text) =>
      text.replace(
        /\nfunctions:\n( {2}mark.*\n)?/,
        `\nfunctions:\n  ${mark}: { handler: functions/operations/healthz.handler }\n`,
      ),
    );
    const isOfMark = (line: string) => line.includes(`function ${mark} `) || /rebuilt: healthz/.test(line);
    await until(mark, () => {
      const fresh = running.lines.slice(seen);
      return (
        fresh.some((line) => line.includes(`function ${mark} `)) &&
        fresh.some((line) => /rebuilt: .*healthz/.test(line))
      );
    });
    return news().filter((line) => !isOfMark(line));
  };

  beforeAll(async () => {
    running = run('start', {
      settings: {
        HTTP_PORT: new URL(url).port,
        AMQP_URL: host.amqpUrl,
        MANAGEMENT_URL: process.env['MANAGEMENT_URL']!,
        DYNAMODB_ENDPOINT: process.env['DYNAMODB_ENDPOINT']!,
        TABLE_PREFIX: `${host.name}-`,
        HTPP_PORT: '1234',
      },
    });
    void running.ended.then(() => (isOver = true));
    await until('ready', () => running.lines.some((line) => line.startsWith('ready '))).catch(() => {
      throw new Error(running.lines.join('\n'));
    });
    seen = running.lines.length;
  });

  afterAll(async () => {
    running?.signal('SIGINT');
    await running?.ended;
  });

  test('npm start prints a warning about a misspelled setting', () => {
    expect(running.lines[0]).toBe('› warning: HTPP_PORT is not a setting and is ignored; did you mean HTTP_PORT?');
  });

  test('npm run order places an order and prints the response with the status "accepted"', async () => {
    const order = run('order', { args: ['--sku', 'apple', '--url', url] });
    expect([await order.ended, order.lines]).toEqual([0, [expect.stringContaining('"status":"accepted"')]]);
  });

  test('when a table definition is added to infra/tables.ts while npm start is running, npm start creates the DynamoDB table', async () => {
    edit('infra/tables.ts', (text) =>
      text.replace('  stock: ', "  refunds: defineTable({ name: 'refunds', key: { sku: 'S' } }),\n  stock: "),
    );
    await reported(/› the table .*-refunds was created$/);
    const client = localClient(process.env['DYNAMODB_ENDPOINT']!);
    const { Table } = await client.send(new DescribeTableCommand({ TableName: `${host.name}-refunds` }));
    expect(Table?.KeySchema).toEqual([{ AttributeName: 'sku', KeyType: 'HASH' }]);
    client.destroy();
  });

  test('when a queue is added to infra/topology.ts while npm start is running, npm start declares the queue on the broker', async () => {
    edit('infra/topology.ts', (text) =>
      text.replace('defineTopology(queues)', "defineTopology({ ...queues, refunds: workQueue('refunds') })"),
    );
    expect((await reported(/\+ queue refunds/)).filter((line) => line.includes('+ queue refunds'))).toHaveLength(1);
    expect(await host.channel.checkQueue('refunds')).toMatchObject({ queue: 'refunds' });
  });

  test('npm start does not apply a topology that omits a queue with messages, and prints the reason', async () => {
    host.channel.sendToQueue('refunds', Buffer.from('precious'), { persistent: true });
    await eventually('the message', async () => (await host.channel.checkQueue('refunds')).messageCount === 1);
    const undo = edit('infra/topology.ts', (text) => text.replace(", refunds: workQueue('refunds')", ''));
    const lines = await reported(/› the edit was not applied: /);
    expect(lines.at(-1)).toContain(
      'not applied: infra/topology.ts: nothing was changed on the broker, because an operator must first correct these differences: queue "refunds" is no longer',
    );
    undo();
    await settled();
  });

  test('npm start asks for a restart after an edit that it cannot apply to the running service', async () => {
    edit('serverless.yml', (text) => text.replace('get-points:\n', 'get-points:\n    timeout: 7\n'));
    const [first] = await reported(/restart:/);
    expect(first).toMatch(/^› restart: run npm start again to apply .*function get-points \(timeout\)/);
    edit('infra/stages/dev.ts', (text) => text.replace('batchSize: 100', 'batchSize: 50'));
    const [second] = await reported(/restart:/);
    expect(second).toContain('function reserve-stock (events)');
  });

  test('npm start prints nothing after an edit that changes only comments', async () => {
    edit('serverless.yml', (text) => `# a comment\n${text}`);
    edit('infra/topology.ts', (text) => `// a comment\n${text}`);
    expect(await settled()).toEqual([]);
  });

  test('if a file of the service is edited and becomes invalid, npm start reports this in one line, and the service keeps running', async () => {
    const broken: readonly (readonly [string, string])[] = [
      ['serverless.yml', '\nbroken: [\n'],
      ['serverless.yml', '\n  mistaken: { handler: functions/operations/healthz.handler, timeot: 7 }\n'],
      ['infra/stages/dev.ts', '\nconst = 1;\n'],
      ['infra/topology.ts', '\nconst = 1;\n'],
      ['infra/tables.ts', '\nconst = 1;\n'],
      ['infra/tables.ts', "\nObject.assign(tables.stock, { key: { sku: 'T' } });\n"],
    ];
    const all: string[] = [];
    for (const [file, mistake] of broken) {
      const undo = edit(file, (text) => text + mistake);
      all.push(...(await reported(/not applied|not rebuilt/)));
      undo();
    }
    all.push(...(await settled()));
    // The functions are rebuilt after the last edit, which compiles, and after the edit is undone.
    const mistakes = all.filter((line) => !line.includes('Functions rebuilt'));
    expect(mistakes).toEqual(broken.map(([file]) => expect.stringContaining(file)));
    expect(mistakes.at(-1)).toContain('infra/tables.ts contains mistakes: stock.key.sku: ');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  test('no order fails while the function place-order is rebuilt several times', async () => {
    const statuses: number[] = [];
    let isEnough = false;
    const clients = Array.from({ length: 2 }, async (_, number) => {
      for (let at = 0; !isEnough; at += 1) {
        const body = JSON.stringify({
          customerId: 'ada',
          currency: 'EUR',
          items: [{ sku: 'apple', quantity: 1, unitPrice: 1 }],
        });
        const headers = signedHeaders(body, { key: `rebuild-${number}-${at}` });
        statuses.push((await fetch(`${url}/orders`, { method: 'POST', headers, body })).status);
      }
    });
    for (let version = 1; version <= 3; version += 1) {
      edit('functions/orders/place-order.ts', (text) => `${text}\nconsole.debug('version ${version}');\n`);
      await reported(/Functions rebuilt: place-order\./);
      const before = statuses.length;
      await until('more orders', () => statuses.length > before + 5);
    }
    isEnough = true;
    await Promise.all(clients);
    expect([...new Set(statuses)]).toEqual([202]);
  });

  test('npm run order prints the problem document and ends with exit code 1 if the function place-order fails', async () => {
    edit('functions/orders/place-order.ts', (text) => `${text}\nthrow new Error('broken on purpose');\n`);
    await reported(/Functions rebuilt: place-order\./);
    const order = run('order', { args: ['--sku', 'apple', '--url', url] });
    expect(await order.ended).toBe(1);
    expect(order.lines.join('\n')).toContain('"status":500');
    expect(order.lines.join('\n')).toContain('broken on purpose');
  });

  test('Ctrl-C ends npm start with exit code 0', async () => {
    running.signal('SIGINT');
    expect(await running.ended).toBe(0);
    expect(running.lines.at(-1)).toBe('› stopped');
  });
});
