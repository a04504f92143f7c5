import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startBroker } from '../runtime/broker/broker.ts';
import { say } from '../runtime/console.ts';
import { localDirectory, rootDirectory } from '../runtime/directories.ts';
import { entry } from '../runtime/entry.ts';
import { startGuarded } from '../runtime/processes.ts';
import { readSettings } from '../runtime/settings.ts';
import { onShutdown } from '../runtime/shutdown.ts';
import { LOCAL_AWS } from '../runtime/store/probe.ts';
import { startStore } from '../runtime/store/store.ts';

await entry(async () => {
  const settings = readSettings(process.env, localDirectory);
  const shutdown = new Promise<void>((resolve) => {
    onShutdown({ begin: resolve, force: () => process.exit(130) });
  });
  const scratch = mkdtempSync(join(tmpdir(), 'surehop-test-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const parts: { stop: () => Promise<void> }[] = [];
  const started = async <T extends { stop: () => Promise<void> }>(part: Promise<T>): Promise<T> => {
    const value = await part;
    parts.push(value);
    return value;
  };
  try {
    const starting = Promise.allSettled([
      started(startBroker({ dataDirectory: join(scratch, 'rabbitmq'), keepData: false, say }, settings)),
      started(startStore({ dataDirectory: join(scratch, 'dynamodb'), keepData: false, say }, settings)),
    ]);
    const both = await Promise.race([starting, shutdown]);
    if (both === undefined) return 130;
    const [broker, store] = both;
    if (broker.status === 'rejected') throw broker.reason;
    if (store.status === 'rejected') throw store.reason;
    say(`${broker.value.describe}, ${store.value.describe}`);

    const jest = await startGuarded({
      command: process.execPath,
      args: [
        '--experimental-vm-modules',
        '--disable-warning=ExperimentalWarning',
        ...jestCommand(process.argv.slice(2)),
      ],
      cwd: rootDirectory,
      env: {
        ...process.env,
        ...LOCAL_AWS,
        ...(process.stderr.isTTY && { FORCE_COLOR: '1' }),
        AMQP_URL: broker.value.amqpUrl,
        MANAGEMENT_URL: broker.value.managementUrl,
        DYNAMODB_ENDPOINT: store.value.endpoint,
      },
      // What the functions under test log stands in the way of what Jest says.
      output: { onLine: (line) => void (/^\{"(level|_aws)"/.test(line) || process.stderr.write(`${line}\n`)) },
    });
    const how = await Promise.race([jest.ended, shutdown]);
    if (how === undefined) {
      await jest.kill();
      return 130;
    }
    return Number(/^exit code (\d+)$/.exec(how)?.[1] ?? 1);
  } finally {
    await Promise.all(parts.map((part) => part.stop()));
  }
});

function jestCommand(args: readonly string[]): string[] {
  const manifest = createRequire(import.meta.url).resolve('jest/package.json');
  const isConfigured = args.some((argument) => /^(-c|--config)(=|$)/.test(argument));
  return [
    join(dirname(manifest), 'bin', 'jest.js'),
    ...(isConfigured ? [] : ['--config', join(rootDirectory, 'test', 'jest.config.mjs')]),
    ...args,
  ];
}
