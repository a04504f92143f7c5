import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { DEVELOPMENT_SECRET } from '../../lib/development.ts';
import { localClient } from '../../infra/dev/runtime/store/create-tables.ts';
import { aVirtualHost, type VirtualHost } from '../support/broker.ts';
import { copyService, installedService } from '../support/created-service.ts';
import { eventually } from '../support/eventually.ts';
import { aGuide } from '../support/guide.ts';
import { aHostileDirectory } from '../support/hostile-directory.ts';
import { npm, userProjectIn, type UserProject } from '../support/user-project.ts';

// npm installs about 400 packages, which takes long on a busy machine.
jest.setTimeout(900_000);

let tarball: string;
let host: VirtualHost;
let project: UserProject;
const parents: string[] = [];

const guide = aGuide('first-consumer.md');
const deployGuide = aGuide('deploy.md');

async function shell(commands: string, variables: Readonly<Record<string, string>> = {}): Promise<string> {
  // npm passes its own configuration of this repository to the tests in variables.
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(cache|registry)$)/i.test(name));
  const env = { ...Object.fromEntries(inherited), AMQP_URL: host.amqpUrl, ...variables };
  const options = { cwd: project.directory, env, maxBuffer: 10_000_000 };
  return (await promisify(execFile)('sh', ['-euc', commands], options)).stdout;
}

function replaceIn(file: string, text: string | RegExp, by: string): void {
  const path = join(project.directory, file);
  const before = readFileSync(path, 'utf8');
  const after = before.replace(text, () => by);
  expect([file, after]).not.toEqual([file, before]);
  writeFileSync(path, after);
}

beforeAll(async () => {
  host = await aVirtualHost();
  const service = await installedService();
  tarball = service.tarballs['create-surehop']!;
  project = copyService(service);
});
afterAll(async () => {
  for (const parent of parents) rmSync(dirname(parent), { recursive: true, force: true });
  project?.remove();
  guide.remove();
  deployGuide.remove();
  await host?.remove();
});

const settings = () => ({ AMQP_URL: host.amqpUrl, MANAGEMENT_URL: process.env['MANAGEMENT_URL']! });

test('create-surehop refuses a name that AWS resources cannot have, and a folder that is not empty', async () => {
  const unpacked = mkdtempSync(join(tmpdir(), 'surehop-create-'));
  parents.push(join(unpacked, 'parent'));
  execFileSync('tar', ['-x', '-z', '-f', tarball, '-C', unpacked]);
  const parent = join(unpacked, 'parent');
  mkdirSync(join(parent, 'used', 'something'), { recursive: true });
  const create = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(unpacked, 'package', 'create.mjs'), ...args], { cwd: parent });
  await expect(create('My_Shop')).rejects.toThrow(/"My_Shop" cannot be the name of a service/);
  await expect(create('used')).rejects.toThrow(/the folder .*used is not empty/);
  await expect(create()).rejects.toThrow(/expected the name of the new folder/);
  expect(readdirSync(parent)).toEqual(['used']);
});

test('npm create surehop creates the same files as npm run create, except that the packages come from the registry', async () => {
  const parent = aHostileDirectory('from-registry');
  parents.push(parent);
  await npm(parent, 'exec', '--yes', `--package=${tarball}`, '--', 'create-surehop', 'my-shop');
  const filesOf = (directory: string) =>
    Object.fromEntries(
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
        .filter((file) => !/^(node_modules|packages|package(-lock)?\.json)/.test(file))
        .map((file) => [file, readFileSync(join(directory, file), 'utf8')]),
    );
  const created = filesOf(join(parent, 'my-shop'));
  expect(Object.keys(created).length).toBeGreaterThan(20);
  expect(filesOf(project.directory)).toEqual(created);
  expect(readFileSync(join(parent, 'my-shop', 'package.json'), 'utf8')).not.toContain('file:');
});

describe('a service that create-surehop has created', () => {
  /**
   * The output of the checks and tests of the service after the code from docs/guides/first-consumer.md and from
   * `surehop add` was added to it.
   */
  let tested: string;

  async function addMore(): Promise<void> {
    const surehop = (...args: string[]) => project.run(project.command('surehop'), ['add', ...args]);
    const consumer = ['consumer', 'pack-order', '--event', 'order.packed', '--queue', 'packing'];
    const options = ['--delays', '10s,1m,10m', '--order-by', 'customerId'];
    expect(await surehop(...consumer, ...options)).toContain('created functions/orders/pack-order.ts');
    expect(await surehop(...consumer, ...options)).toBe(
      '› No changes: the service already has everything that this command would add\n',
    );
    await surehop('route', 'POST /payments', '--event', 'payment.received');
    await surehop('consumer', 'book-payment', '--event', 'payment.received');
    await surehop('table', 'payments', '--key', 'paymentId');
    await surehop('event', 'payment.refused', '--exchange', 'orders');
  }

  test('a service from create-surehop is named after its folder, and type-checks', async () => {
    expect(readFileSync(join(project.directory, 'serverless.yml'), 'utf8')).toMatch(/^service: my-shop\n/);
    expect(readdirSync(project.directory)).toContain('.gitignore');
    await npm(project.directory, 'run', 'check');
  });

  test('a service from create-surehop passes its own tests', async () => {
    const output = await npm(project.directory, 'test');
    expect(output).toMatch(/pass [1-9]/);
    expect(output).toMatch(/fail 0\n/);
  });

  test('the commands in docs/guides/first-consumer.md add a consumer to a service that create-surehop has created, and the tests of the consumer pass', async () => {
    const [, add, check] = guide.blocks('sh');
    const [schema, item] = guide.blocks('ts').map((code) => code.replace(/^\/\/.*\n/, '').replace(/,\n$/, ''));
    const [access] = guide.blocks('yaml');
    await shell(add!);
    replaceIn('functions/orders/events.ts', 'schema: z.object({ customerId: z.string() })', schema!);
    replaceIn('infra/tables.ts', 'item: z.object({})', item!);
    replaceIn('serverless.yml', /(?<=ship-order\.handler\n(?: +#.*\n)* +)access: .*/, access!.trim());
    for (const file of ['functions/orders/ship-order.ts', 'test/ship-order.test.ts']) {
      const example = guide.blocks('ts').find((code) => code.startsWith(`// ${file}\n`));
      writeFileSync(join(project.directory, file), example!);
    }
    await addMore();
    tested = await shell(check!);
    expect(tested).toContain('an order that is paid twice is shipped to the first address');
    expect(tested).toMatch(/fail 0\n/);
  });

  test('after surehop add has added a consumer, a route, a table and an event, a service from create-surehop type-checks and passes its tests', () => {
    expect(tested).toMatch(/fail 0\n/);
    for (const title of [
      'pack-order completes an event of the type order.packed, and skips its redelivery',
      'POST /payments publishes the event payment.received',
      'an item of the table payments is found by paymentId',
      'the event payment.refused accepts its data and rejects an empty object',
    ])
      expect(tested).toContain(title);
  });

  test('a service from create-surehop accepts an order, bills the order once, and shows an invalid event as a dead letter', async () => {
    const [port] = await freePorts(1);
    const endpoint = process.env['DYNAMODB_ENDPOINT']!;
    const prefix = `${host.name}-`;
    const child = spawn('npm', ['start'], {
      cwd: project.directory,
      env: {
        ...process.env,
        ...settings(),
        HTTP_PORT: String(port),
        DYNAMODB_ENDPOINT: endpoint,
        TABLE_PREFIX: prefix,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C in a terminal interrupts npm and all processes that npm has started.
      detached: true,
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => void lines.push(line));
    const client = localClient(endpoint);
    const surehop = (...args: string[]) =>
      promisify(execFile)(process.execPath, [project.command('surehop'), ...args], {
        cwd: join(project.directory, 'functions'),
        env: { ...process.env, AMQP_URL: '', MANAGEMENT_URL: '' },
      });
    try {
      while (!lines.some((line) => line.startsWith('ready '))) {
        if (child.exitCode !== null) throw new Error(lines.join('\n'));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(lines.join('\n')).toContain('npx surehop send POST /orders');
      const order = JSON.stringify({ customerId: 'ada', cents: 250 });
      for (let time = 1; time <= 2; time += 1) {
        const { stdout } = await surehop('send', 'POST', '/orders', order, '--key', 'one');
        expect(JSON.parse(stdout)).toEqual({ orderId: expect.any(String) });
      }
      const balance = await eventually('the order to be billed', async () => {
        const request = new GetItemCommand({ TableName: `${prefix}balances`, Key: { customerId: { S: 'ada' } } });
        return (await client.send(request)).Item;
      });
      expect(balance).toEqual({ customerId: { S: 'ada' }, cents: { N: '250' } });
      await surehop('publish', 'order.placed', '{"customerId": "ada"}');
      await eventually('the dead letter', async () =>
        /billing {2}[A-Z_]+/.test((await surehop('dead-letters', 'group')).stdout),
      );
      const [publish, ...look] = guide.blocks('sh').at(-1)!.trim().split('\n');
      await shell(publish!);
      await eventually('the shipment of the guide to the first consumer', async () => {
        const request = new GetItemCommand({ TableName: `${prefix}shipments`, Key: { orderId: { S: 'one' } } });
        return (await client.send(request)).Item;
      });
      // Without this variable, the command uses the tables of npm start.
      expect(await shell(look.join('\n'), { DYNAMODB_ENDPOINT: '' })).toMatch(/"orderId":"one"/);
      const [, , , send, , group] = deployGuide.blocks('sh');
      const deployed = { url: `http://localhost:${port}`, key: DEVELOPMENT_SECRET };
      expect(JSON.parse(await shell(send!, deployed))).toEqual({ orderId: expect.any(String) });
      const token = await shell('npx surehop token --scope "dead-letters:read dead-letters:redrive"');
      expect(await shell(group!, { ...deployed, token: token.trim() })).toMatch(/billing {2}[A-Z_]+/);
      // docs/guides/operate.md shows these requests.
      const operate = async (...request: string[]) =>
        JSON.parse((await surehop('send', ...request, '--scope', 'dead-letters:read dead-letters:redrive')).stdout);
      const { groups } = await operate('GET', '/dead-letters/groups');
      expect(groups).toMatchObject([{ queue: 'billing', count: 1 }]);
      const filter = { queue: 'billing' };
      const dryRun = JSON.stringify({ action: 'redrive', filter, dryRun: true });
      expect(await operate('POST', '/dead-letters/jobs', dryRun)).toMatchObject({ count: 1, skipped: [] });
      const job = await operate(
        'POST',
        '/dead-letters/jobs',
        JSON.stringify({ action: 'discard', filter, reason: 'a wrong event' }),
      );
      const done = await eventually('the end of the job', async () => {
        const now = await operate('POST', `/dead-letters/jobs/${job.id}`, '{"action": "continue"}');
        return now.status === 'done' && now;
      });
      expect(done).toMatchObject({ progress: { done: 1 } });
      expect(await operate('GET', '/dead-letters/jobs')).toMatchObject({ jobs: [{ id: job.id }] });
      expect((await surehop('topology', 'plan')).stdout).toBe('› No changes\n');
      expect((await surehop('trace')).stdout).toContain('POST /orders');
    } catch (error) {
      const lastLines = lines.slice(-40).join('\n');
      throw new Error(`the created service failed: ${(error as Error).message}\n${lastLines}`, { cause: error });
    } finally {
      client.destroy();
      process.kill(-child.pid!, 'SIGINT');
      await ended;
    }
  });

  test('a service from create-surehop is packaged for AWS as two stacks', async () => {
    const variables = {
      SLS_TELEMETRY_DISABLED: '1',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    };
    const command = project.command('serverless');
    const [packaging, , keys, , inspection] = deployGuide.blocks('sh');
    await shell(packaging!, variables);
    const template = readFileSync(
      join(project.directory, '.serverless/cloudformation-template-update-stack.json'),
      'utf8',
    );
    // The queues billing, shipping, packing, book-payment and dead-letters have event sources.
    expect(template.match(/"AWS::Lambda::EventSourceMapping"/g)).toHaveLength(5);
    expect(template).toContain('my-shop-dev-balances');
    await userProjectIn(join(project.directory, 'infra/broker')).run(command, ['package', '--stage', 'dev'], variables);
    const broker = readFileSync(
      join(project.directory, 'infra/broker/.serverless/cloudformation-template-update-stack.json'),
      'utf8',
    );
    expect(broker).toContain('AWS::AmazonMQ::Broker');
    const names = [...`${keys} ${inspection}`.matchAll(/[\w/-]*my-shop[\w/-]+/g)].map(([name]) => name);
    expect(names).toHaveLength(3);
    for (const name of names) expect(template + broker).toContain(`"${name}"`);
  });
});
