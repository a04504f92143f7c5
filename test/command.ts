import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

import { buildArgv } from 'jest';

import { startBroker } from '../infra/dev/runtime/broker/broker.ts';
import { entry, onShutdown, Problem, say } from '../infra/dev/runtime/command-line.ts';
import { localDirectory, rootDirectory } from '../infra/dev/runtime/directories.ts';
import { startGuarded } from '../infra/dev/runtime/processes.ts';
import { readSettings } from '../infra/dev/runtime/settings.ts';
import { LOCAL_AWS } from '../infra/dev/runtime/store/local-aws.ts';
import { startStore } from '../infra/dev/runtime/store/store.ts';
import { changedFiles, quickTests, testsNaming } from './changed.ts';
import { needsServices, suites } from './suites.ts';

const NODE_OPTIONS = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  // With larger heaps for new objects, the exploration of the models spends a fifth less time on garbage collection.
  '--max-semi-space-size=64',
];

interface Run {
  readonly jestArguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly needsServices: boolean;
}

await entry(async () => {
  const run = await plan(process.argv.slice(2));
  if (run === undefined) {
    say('no test depends on the changed files');
    return 0;
  }
  const shutdown = new Promise<void>((resolve) => {
    onShutdown({ begin: resolve, force: () => process.exit(130) });
  });
  const started: { stop: () => Promise<void> }[] = [];
  // The tests and the processes that they start create their temporary files here.
  const scratch = mkdtempSync(join(tmpdir(), 'surehop-test-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  try {
    const addresses = await Promise.race([run.needsServices ? startServices(scratch, started) : {}, shutdown]);
    if (addresses === undefined) return 130;
    const jest = await startGuarded({
      command: process.execPath,
      args: [...NODE_OPTIONS, ...jestCommand(run.jestArguments)],
      cwd: rootDirectory,
      env: {
        ...process.env,
        ...LOCAL_AWS,
        TMPDIR: scratch,
        TEST_RUN_DIRECTORY: join(scratch, 'run'),
        ...(process.stderr.isTTY && { FORCE_COLOR: '1' }),
        ...addresses,
        ...run.environment,
      },
      // Jest's report is hard to read between the log lines of the functions under test.
      output: { onLine: (line) => void (/^\{"(level|_aws)"/.test(line) || process.stderr.write(`${line}\n`)) },
    });
    const how = await Promise.race([jest.ended, shutdown]);
    if (how === undefined) {
      await jest.kill();
      return 130;
    }
    return Number(/^exit code (\d+)$/.exec(how)?.[1] ?? 1);
  } finally {
    await Promise.all(started.map((service) => service.stop()));
  }
});

/**
 * Selects the tests to run: the tests of a suite, the tests that depend on changed files, or the tests that match a
 * path pattern. The default is the suite `everyday`.
 */
async function plan(given: readonly string[]): Promise<Run | undefined> {
  const own = (name: string) => given.find((argument) => new RegExp(`^--${name}(=|$)`).test(argument));
  const [suiteArgument, changedArgument] = [own('suite'), own('changed')];
  const args = given.filter((argument) => argument !== suiteArgument && argument !== changedArgument);
  if (changedArgument) {
    const changed = changedFiles(changedArgument.split('=')[1] ?? 'main');
    const dependent = listTests([...args, '--findRelatedTests', ...changed]);
    const tests = quickTests([...dependent, ...testsNaming(changed)], changed);
    if (tests.length === 0) return undefined;
    return forTests(tests, [...args, '--runTestsByPath', ...tests]);
  }
  const suiteName = suiteArgument?.split('=')[1];
  const hasPattern = (await buildArgv([...args]))._.length > 0;
  if (hasPattern && suiteName === undefined) return forTests(listTests(args), args);
  const suite = suites[suiteName ?? 'everyday'];
  const knownSuites = Object.keys(suites).join(', ');
  if (!suite)
    throw new Problem(`there is no test suite "${suiteName}"; the suites are ${knownSuites}`, { exitCode: 2 });
  return {
    jestArguments: [
      // Jest would take a pattern after the roots for another root.
      ...(suite.patterns ?? []),
      ...args,
      ...suite.folders.map((folder) => `--roots=${join(rootDirectory, 'test', folder)}`),
    ],
    environment: suite.environment ?? {},
    needsServices: needsServices(suite.folders),
  };
}

function forTests(tests: readonly string[], jestArguments: readonly string[]): Run {
  const files = tests.map((test) => relative('test', test));
  return { jestArguments, environment: {}, needsServices: needsServices(files) };
}

/**
 * Lists the test files that Jest would run with the given arguments. The paths are relative to the root of the
 * repository.
 */
function listTests(args: readonly string[]): string[] {
  const selecting = args.filter((argument) => !/^--(json|outputFile)(=|$)/.test(argument));
  const command = [...NODE_OPTIONS, ...jestCommand(selecting), '--listTests', '--passWithNoTests'];
  const output = execFileSync(process.execPath, command, { cwd: rootDirectory, encoding: 'utf8' });
  return output
    .split('\n')
    .filter((line) => line.endsWith('.test.ts'))
    .map((file) => relative(rootDirectory, file));
}

async function startServices(
  scratch: string,
  started: { stop: () => Promise<void> }[],
): Promise<Record<string, string>> {
  const settings = readSettings(process.env, localDirectory);
  const start = async <T extends { stop: () => Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const service = await starting;
    started.push(service);
    return service;
  };
  const [broker, store] = await Promise.allSettled([
    start(startBroker({ dataDirectory: join(scratch, 'rabbitmq'), keepData: false, say }, settings)),
    start(startStore({ dataDirectory: join(scratch, 'dynamodb'), keepData: false, say }, settings)),
  ]);
  if (broker.status === 'rejected') throw broker.reason;
  if (store.status === 'rejected') throw store.reason;
  say(`the tests use ${broker.value.describe} and ${store.value.describe}`);
  return {
    AMQP_URL: broker.value.amqpUrl,
    MANAGEMENT_URL: broker.value.managementUrl,
    DYNAMODB_ENDPOINT: store.value.endpoint,
  };
}

function jestCommand(args: readonly string[]): string[] {
  const manifest = createRequire(import.meta.url).resolve('jest/package.json');
  const isConfigured = args.some((argument) => /^(-c|--config)(=|$)/.test(argument));
  return [
    join(dirname(manifest), 'bin', 'jest.js'),
    ...(isConfigured ? [] : ['--config', join(rootDirectory, 'test', 'jest.config.mjs')]),
    `--cacheDirectory=${join(localDirectory, 'jest')}`,
    ...args,
  ];
}
