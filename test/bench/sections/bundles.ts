import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { build } from 'esbuild';

import { bundle, bundleOptions } from '../../../infra/aws/bundler/bundle.ts';
import type { Bench, Measured } from '../protocol.ts';
import { median } from '../statistics.ts';

const ours = ['place-order', 'reserve-stock', 'award-points'];
const outDirectory = resolve('.local', 'bench', 'bundles');
const IMPORTS_A_ROUND = 3;

const run = promisify(execFile);
const bytes = new Map<string, number>();

/**
 * Measures the sizes of three functions' bundles and of a bundle with Powertools, and the time to import each bundle.
 */
export async function bundles({ round }: Bench): Promise<Measured> {
  if (round === 0) await buildAll();
  const names = [...ours, 'powertools'];
  const sides: Readonly<Record<string, () => Promise<number>>> = {
    ...Object.fromEntries(names.map((name) => [name, () => importMs(fileOf(name))])),
    mapped: () => importMs(fileOf('reserve-stock'), ['--enable-source-maps']),
  };
  const times = Object.fromEntries(Object.keys(sides).map((name) => [name, [] as number[]]));
  for (let n = 0; n < IMPORTS_A_ROUND; n += 1)
    for (const name of n % 2 === 0 ? Object.keys(sides) : Object.keys(sides).toReversed())
      times[name]!.push(await sides[name]!());
  const theirs = median(times['powertools']!);
  return {
    ...Object.fromEntries(names.map((name) => [`${name} size`, bytes.get(name)! / 1_000])),
    ...Object.fromEntries(ours.map((name) => [name, median(times[name]!) / theirs])),
    'powertools import': theirs,
    mapped: median(times['mapped']!) / median(times['reserve-stock']!),
  };
}

const fileOf = (name: string) =>
  ours.includes(name) ? join(outDirectory, 'functions', 'orders', `${name}.mjs`) : join(outDirectory, `${name}.mjs`);

async function buildAll(): Promise<void> {
  for (const name of ours) {
    const { outputs } = await bundle({ entries: [`functions/orders/${name}`], outDirectory });
    bytes.set(name, sizeOf(outputs));
  }
  // This bundle is created with the same esbuild options, but without Surehop's plugins that leave out parts of the
  // SDK.
  const entry = 'test/bench/bundles/powertools-and-middy';
  const options = bundleOptions({ entries: [entry], outDirectory });
  const { metafile } = await build({
    ...options,
    entryPoints: [{ in: `./${entry}.ts`, out: 'powertools' }],
    plugins: [],
  });
  bytes.set('powertools', sizeOf(metafile.outputs));
}

const sizeOf = (outputs: Readonly<Record<string, { readonly bytes: number }>>) =>
  Object.entries(outputs).reduce((sum, [file, output]) => sum + (file.endsWith('.mjs') ? output.bytes : 0), 0);

/** Measures how long a new process takes to import a JavaScript file, in ms. `flags` are options of Node. */
async function importMs(file: string, flags: readonly string[] = []): Promise<number> {
  const script = `const startedAt = performance.now();
    await import(${JSON.stringify(pathToFileURL(file).href)});
    process.stdout.write(String(performance.now() - startedAt));
    process.exit();`;
  const { stdout } = await run(process.execPath, [...flags, '--input-type=module', '--eval', script], {
    env: { ...process.env, STAGE: 'local', AMQP_URL: 'amqp://127.0.0.1' },
  });
  return Number(stdout);
}
