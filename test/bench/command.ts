import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startBroker } from '../../infra/dev/runtime/broker/broker.ts';
import { localDirectory, rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { entry, onShutdown, Problem, reasonOf } from '../../infra/dev/runtime/command-line.ts';
import { startGuarded } from '../../infra/dev/runtime/processes.ts';
import { run } from '../../infra/dev/runtime/run-command.mjs';
import { readSettings } from '../../infra/dev/runtime/settings.ts';
import { compile } from './compile.ts';

const benchDirectory = join(rootDirectory, 'test', 'bench');
const PROGRESS_EVERY_MS = 10_000;

/** Prints progress to standard error, because the benchmark prints its results to standard output. */
const say = (line: string) => void process.stderr.write(`› ${line}\n`);

await entry(async () => {
  const settings = readSettings(process.env, localDirectory);
  const shutdown = new Promise<void>((resolve) => {
    onShutdown({ begin: resolve, force: () => process.exit(130) });
  });
  await installPeers();
  if (process.argv[2] === 'other-libraries') {
    const script = await compile('other-libraries');
    process.stdout.write(await run(process.execPath, [script], { cwd: rootDirectory }));
    return 0;
  }
  checkTypes();
  const scratch = mkdtempSync(join(tmpdir(), 'surehop-bench-broker-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const starting = startBroker({ dataDirectory: scratch, keepData: false, say }, settings);
  const broker = await Promise.race([starting, shutdown]);
  if (broker === undefined) return 130;
  try {
    const bench = await startGuarded({
      command: process.execPath,
      args: ['--import', 'tsx', join(benchDirectory, 'main.ts'), ...process.argv.slice(2)],
      cwd: rootDirectory,
      env: {
        ...process.env,
        AMQP_URL: broker.amqpUrl,
        MANAGEMENT_URL: broker.managementUrl,
        BROKER_VERSION: `RabbitMQ ${broker.version}`,
      },
      output: 'inherit',
    });
    const how = await Promise.race([bench.ended, shutdown]);
    if (how === undefined) {
      await bench.kill();
      return 130;
    }
    return Number(/^exit code (\d+)$/.exec(how)?.[1] ?? 1);
  } finally {
    await broker.stop();
  }
});

/**
 * Installs the npm packages with which the benchmark compares Surehop. The package.json in test/bench lists these
 * packages.
 */
async function installPeers(): Promise<void> {
  if (isInstalled()) return;
  say('installing the libraries that the benchmark compares with Surehop (test/bench)');
  const startedAtMs = performance.now();
  const progress = setInterval(() => {
    say(`still installing the libraries of the benchmark (${Math.round((performance.now() - startedAtMs) / 1_000)} s)`);
  }, PROGRESS_EVERY_MS);
  const quiet = ['--no-audit', '--no-fund', '--no-progress'];
  try {
    await run('npm', ['ci', ...quiet], { cwd: benchDirectory }).catch(() =>
      run('npm', ['install', '--no-save', ...quiet], { cwd: benchDirectory }),
    );
  } catch (error) {
    throw new Problem(
      `the libraries that the benchmark compares with Surehop could not be installed: ${reasonOf(error)}`,
      { cause: error },
    );
  } finally {
    clearInterval(progress);
  }
}

/**
 * Type-checks the benchmark after its npm packages are installed. `npm run check` skips the benchmark, because it does
 * not install these packages.
 */
function checkTypes(): void {
  const compiler = join(rootDirectory, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(benchDirectory, 'tsconfig.json')], {
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) throw new Problem('the benchmark does not compile with the installed libraries');
}

function isInstalled(): boolean {
  const installed = join(benchDirectory, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const versions = (file: string) =>
    Object.entries((JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Package> }).packages);
  const there = new Map(versions(installed).map(([path, { version }]) => [path, version]));
  return versions(join(benchDirectory, 'package-lock.json')).every(
    ([path, { version, optional }]) => path === '' || there.get(path) === version || optional === true,
  );
}

interface Package {
  readonly version: string;
  readonly optional?: boolean;
}
