import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { packages } from '../../infra/build/packages.ts';
import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { aVirtualHost, type VirtualHost } from '../support/broker.ts';
import { aUserProject, createdService, installedService } from '../support/created-service.ts';
import { eventually } from '../support/eventually.ts';
import { unzip } from '../support/unzip.ts';
import { writeExamples, type UserProject } from '../support/user-project.ts';

const names = packages.map(({ name }) => name);
const libraries = packages.filter(({ isCopied }) => !isCopied).map(({ name }) => name);
let tarballs: Readonly<Record<string, string>>;

// npm installs about 400 packages, which takes long on a busy machine.
jest.setTimeout(900_000);

const scriptOf = (name: string, script: string) =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), script);

const compiler = scriptOf('typescript', 'bin/tsc');

beforeAll(async () => {
  ({ tarballs } = await createdService());
});

/**
 * Returns the parts of a CloudFormation template that contain the toolkit's name instead of the service's name.
 */
const namesOfToolkit = (template: string) => template.match(/.{0,40}surehop.{0,20}/gi) ?? [];

describe('each package as npm publishes it', () => {
  test.each(names)('publint finds no mistake in the tarball of %s', async (name) => {
    const { publint } = await import('publint');
    const tarball = readFileSync(tarballs[name]!);
    const { messages } = await publint({ pack: { tarball: Uint8Array.from(tarball).buffer }, strict: true });
    expect(messages).toEqual([]);
  });

  // A CommonJS module can import the packages only with Node 20.19 or newer, whatever the TypeScript compiler says.
  test.each(libraries)('every module of the tarball of %s has types that match its code', async (name) => {
    const { checkPackage, createPackageFromTarballData } = await import('@arethetypeswrong/core');
    const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarballs[name]!)));
    if (!analysis.types) throw new Error(`the tarball of ${name} contains no types`);
    const inUse = analysis.problems.filter(
      (problem) => !('resolutionKind' in problem && ['node10', 'node16-cjs'].includes(problem.resolutionKind)),
    );
    expect(inUse).toEqual([]);
  });

  test.each(libraries)(
    'the source maps of the package %s contain the source files, or refer only to files in the tarball',
    (name) => {
      const directory = mkdtempSync(join(tmpdir(), 'surehop-tarball-'));
      try {
        execFileSync('tar', ['-x', '-z', '-f', tarballs[name]!, '-C', directory]);
        const files = readdirSync(join(directory, 'package'), { recursive: true, encoding: 'utf8' });
        expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE']));
        const maps = files.filter((file) => file.endsWith('.js.map'));
        expect(maps.length).toBeGreaterThan(0);
        for (const map of maps) {
          const text = readFileSync(join(directory, 'package', map), 'utf8');
          const { sources, sourcesContent } = JSON.parse(text) as { sources: string[]; sourcesContent?: string[] };
          if (sourcesContent) continue;
          for (const source of sources) expect(files).toContain(join(dirname(map), source));
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
});

describe('a service of a user that installs the tarballs', () => {
  let project: UserProject;
  let written: string[];

  beforeAll(async () => {
    project = await aUserProject(await installedService(), [
      ...libraries,
      '@aws-sdk/client-dynamodb',
      '@types/node',
      'serverless',
      'serverless-offline',
      'tsx',
      'zod',
    ]);
    const { directory } = project;
    written = ['lib/README.md', 'infra/dev/README.md', 'infra/aws/README.md', 'docs/guides/testing.md'].flatMap(
      (readme) => writeExamples(readme, directory),
    );
    for (const resolution of ['nodenext', 'bundler'])
      writeFileSync(
        join(directory, `tsconfig.${resolution}.json`),
        JSON.stringify({
          compilerOptions: {
            target: 'es2023',
            lib: ['es2023'],
            module: resolution === 'bundler' ? 'esnext' : 'nodenext',
            moduleResolution: resolution,
            types: ['node'],
            strict: true,
            skipLibCheck: false,
            allowImportingTsExtensions: true,
            rewriteRelativeImportExtensions: true,
            declaration: true,
            rootDir: '.',
            outDir: resolution,
          },
          include: ['functions', 'infra', 'test'],
        }),
      );
  });
  afterAll(() => project?.remove());

  test.each(['nodenext', 'bundler'])(
    'the service compiles with moduleResolution %s, and the declarations of the packages have no type errors',
    async (resolution) => {
      for (const file of ['functions/billing.ts', 'test/billing-in-memory.test.ts', 'functions/book-seats.ts'])
        expect(written).toContain(file);
      expect(await project.run(compiler, ['-p', `tsconfig.${resolution}.json`])).toBe('');
    },
  );

  test('the in-memory test in the README of surehop passes: an order is billed once although the consumer crashes after each step', async () => {
    const output = await project.run('--test', ['nodenext/test/billing-in-memory.test.js'], { NODE_OPTIONS: '' });
    expect(output).toMatch(/pass 1\n/);
    expect(output).toMatch(/fail 0\n/);
  });

  test('the example test in the README of surehop-dev passes with a real broker and a real store, and each order is billed once', async () => {
    const output = await project.run('--test', ['nodenext/test/billing.test.js'], { NODE_OPTIONS: '' });
    expect(output).toMatch(/pass 1\n/);
    expect(output).toMatch(/fail 0\n/);
  });

  test('surehop token issues a token for the service, and surehop topology applies the topology of the service to a broker', async () => {
    const command = project.command('surehop');
    expect(await project.run(command, ['token', '--scope', 'status:read'])).toMatch(/^eyJ[\w.-]+\n$/);
    const host = await aVirtualHost();
    try {
      const broker = ['--url', host.amqpUrl, '--management', process.env['MANAGEMENT_URL']!];
      expect(await project.run(command, ['topology', 'apply', ...broker])).toContain('+ queue billing ');
      expect(await host.channel.checkQueue('billing')).toMatchObject({ queue: 'billing' });
    } finally {
      await host.remove();
    }
  });

  test('serverless package creates the template of the functions stack with the plugin from the tarball of serverless-surehop', async () => {
    const variables = {
      SLS_TELEMETRY_DISABLED: '1',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    };
    await project.run(project.command('serverless'), ['package', '--stage', 'dev'], variables);
    const packaged = join(project.directory, '.serverless');
    const { Resources } = JSON.parse(
      readFileSync(join(packaged, 'cloudformation-template-update-stack.json'), 'utf8'),
    ) as { Resources: Record<string, { Type: string; Properties: Record<string, unknown> }> };
    const types = Object.values(Resources).map(({ Type }) => Type);
    expect(types.filter((type) => type === 'AWS::Lambda::EventSourceMapping')).toHaveLength(2);
    expect(JSON.parse(String(Resources['BrokerTopology']!.Properties['Topology']))).toMatchObject({
      queues: expect.arrayContaining([expect.objectContaining({ name: 'billing' })]),
    });
    expect(JSON.stringify(Resources)).toContain('shop-dev-balances');
    expect(Resources['BillLambdaFunction']!.Properties['Environment']).toMatchObject({
      Variables: { METRICS_NAMESPACE: 'Shop', URN_NAMESPACE: 'shop' },
    });
    const namespaces = JSON.stringify(Resources).matchAll(/"Namespace":"(?!AWS\/)([^"]+)"/g);
    expect(new Set([...namespaces].map(([, namespace]) => namespace))).toEqual(new Set(['Shop']));
    expect(types.filter((type) => type.startsWith('Custom::')).toSorted()).toEqual([
      'Custom::ShopBrokerTopology',
      'Custom::ShopNetworkRemoval',
      'Custom::ShopNetworkRemoval',
      'Custom::ShopNetworkRemoval',
    ]);
    expect(JSON.stringify(Resources)).not.toMatch(/place-order/);
    // The names of the policies do not matter, because each service has its own broker.
    const { BrokerTopology: _, ...others } = Resources;
    expect(namesOfToolkit(JSON.stringify(others))).toEqual([]);
    expect(unzip(join(packaged, 'bill.zip'), join(dirname(project.directory), 'bill'))).toContain('functions/bill.mjs');
    expect(readdirSync(packaged).filter((file) => file.endsWith('.zip'))).toHaveLength(5);
  });

  test('serverless package creates the template of the broker stack with the plugin from the tarball of serverless-surehop', async () => {
    const command = project.command('serverless');
    const { stdout } = await promisify(execFile)(process.execPath, [command, 'package', '--stage', 'dev'], {
      cwd: join(project.directory, 'infra', 'broker'),
      env: { ...process.env, SLS_TELEMETRY_DISABLED: '1', AWS_CONFIG_FILE: '/dev/null' },
    });
    expect(stdout).not.toContain('Error');
    const template = readFileSync(
      join(project.directory, 'infra/broker/.serverless/cloudformation-template-update-stack.json'),
      'utf8',
    );
    for (const name of ['shop-dev-balances', 'shop-dev-inbox', 'AWS::AmazonMQ::Broker'])
      expect(template).toContain(name);
    expect(template).not.toContain('shop-dev-orders');
    expect(namesOfToolkit(template)).toEqual([]);
  });
});

describe('serverless-offline-rabbitmq without the other packages', () => {
  let project: UserProject;
  let host: VirtualHost;

  beforeAll(async () => {
    host = await aVirtualHost();
    const name = 'serverless-offline-rabbitmq';
    project = await aUserProject(await installedService(), [name, 'serverless', 'serverless-offline']);
    writeExamples('infra/emulator/README.md', project.directory);
  });
  afterAll(async () => {
    await host?.remove();
    project?.remove();
  });

  test('the example function in the README of serverless-offline-rabbitmq receives a message from the queue', async () => {
    await host.channel.assertQueue('hello', { durable: true });
    host.channel.sendToQueue('hello', Buffer.from('world'), { messageId: '1' });
    const [httpPort, lambdaPort, websocketPort] = await freePorts(3);
    const ports = ['--httpPort', httpPort, '--lambdaPort', lambdaPort, '--websocketPort', websocketPort].map(String);
    const child = spawn(process.execPath, [project.command('serverless'), 'offline', 'start', ...ports], {
      cwd: project.directory,
      env: { ...process.env, AMQP_URL: host.amqpUrl, SLS_TELEMETRY_DISABLED: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => void lines.push(line));
    try {
      await eventually('the message to arrive', () => lines.some((line) => line.includes('hello world')));
      const { host: broker, pathname } = new URL(host.amqpUrl);
      expect(lines.join('\n')).toContain(
        `Function "hello" reads queue "hello" of virtual host "${decodeURIComponent(pathname.slice(1))}" at ${broker} (batch size 10, batching window 1 s).`,
      );
    } finally {
      child.kill('SIGINT');
      await ended;
    }
    expect(lines.join('\n')).not.toMatch(/error/i);
  });

  test('the example test in the README of serverless-offline-rabbitmq runs the conformance suite against a different emulator', async () => {
    writeFileSync(
      join(project.directory, 'my-emulator.mjs'),
      `import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { basename, join, relative } from 'node:path';

export async function startMyEmulator({ amqpUrl, queue, virtualHost, eventSourceArn, timeoutSeconds, handlerFile, ...limits }) {
  const directory = join(import.meta.dirname, basename(join(handlerFile, '..')));
  mkdirSync(directory);
  const rabbitmq = {
    arn: eventSourceArn,
    basicAuthArn: 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:local',
    queue,
    virtualHost,
    batchSize: limits.batchSize,
    maximumBatchingWindow: limits.maximumBatchingWindowInSeconds,
  };
  const handler = relative(directory, handlerFile).replace('.mjs', '.handler');
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(directory, 'serverless.yml'),
    JSON.stringify({
      service: 'conformance',
      plugins: ['serverless-offline-rabbitmq', 'serverless-offline'],
      provider: { name: 'aws', runtime: 'nodejs24.x' },
      custom: { rabbitmqEventSource: { url: amqpUrl } },
      functions: { tested: { handler, timeout: timeoutSeconds, events: [{ rabbitmq }] } },
    }),
  );
  const child = spawn(process.execPath, [process.env.SERVERLESS, 'offline', 'start', ...process.env.PORTS.split(' ')], {
    cwd: directory,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = once(child, 'close');
  return {
    async stop() {
      child.kill('SIGINT');
      await ended;
    },
  };
}
`,
    );
    const [httpPort, lambdaPort, websocketPort] = await freePorts(3);
    const output = await project.run(
      '--test',
      ['--test-name-pattern', 'event that AWS documents|throws an error', 'conformance.test.mjs'],
      {
        NODE_OPTIONS: '',
        AMQP_URL: host.amqpUrl,
        SERVERLESS: project.command('serverless'),
        PORTS: `--httpPort ${httpPort} --lambdaPort ${lambdaPort} --websocketPort ${websocketPort}`,
        SLS_TELEMETRY_DISABLED: '1',
      },
    );
    expect(output).toMatch(/pass 2\n/);
    expect(output).toMatch(/fail 0\n/);
  });
});
