import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Metafile } from 'esbuild';
import { parse } from 'yaml';

import { bundle } from '../../infra/aws/bundler/bundle.ts';
import { BUNDLE_BUDGET } from '../support/bundle-budget.ts';

interface Functions {
  readonly functions: Readonly<Record<string, { readonly handler: string; readonly events?: unknown }>>;
}

const DEPENDENCY_BUDGETS: Readonly<Record<string, number>> = {
  '@smithy/core': 150_000,
  amqplib: 135_000,
  zod: 110_000,
  '@aws-sdk/core': 50_000,
  '@aws-sdk/client-dynamodb': 45_000,
};

const OTHER_DEPENDENCY_BUDGET = 30_000;

const { functions } = parse(readFileSync('serverless.yml', 'utf8')) as Functions;
const isConsumer = ({ events = [] }: { events?: unknown }) => /rabbitmq|\$\{consumes:/.test(JSON.stringify(events));

const bundles = new Map<string, Metafile>();
const outDirectory = mkdtempSync(join(tmpdir(), 'budget-'));
beforeAll(async () => {
  for (const [name, { handler }] of Object.entries(functions)) {
    const entry = handler.slice(0, handler.lastIndexOf('.'));
    bundles.set(name, await bundle({ entries: [entry], root: resolve('.'), outDirectory }));
  }
}, 240_000);
afterAll(() => rmSync(outDirectory, { recursive: true }));

const scripts = ({ outputs }: Metafile) => Object.entries(outputs).filter(([file]) => file.endsWith('.mjs'));

/** Returns the size of each npm package and of each top-level folder in a bundle, largest first. */
function partsOf(metafile: Metafile): [name: string, bytes: number][] {
  const parts = new Map<string, number>();
  for (const [, { inputs }] of scripts(metafile))
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? `${file.split('/')[0]}/`;
      parts.set(name, (parts.get(name) ?? 0) + bytesInOutput);
    }
  return [...parts].toSorted(([, one], [, other]) => other - one);
}

const isDependency = (name: string) => !name.endsWith('/');

const kilobytes = (bytes: number) => `${(bytes / 1_000).toFixed(0)} KB`;

/**
 * The maximum size of the bundle of the function `healthz`. This bundle contains no AMQP client and no DynamoDB client.
 */
const HEALTHZ_BUDGET = 180_000;

function complaint(name: string, metafile: Metafile): string | undefined {
  const budget = name === 'healthz' ? HEALTHZ_BUDGET : BUNDLE_BUDGET;
  const bytes = scripts(metafile).reduce((sum, [, output]) => sum + output.bytes, 0);
  const parts = partsOf(metafile);
  const guilty = parts
    .filter(([part, size]) => isDependency(part) && size > (DEPENDENCY_BUDGETS[part] ?? OTHER_DEPENDENCY_BUDGET))
    .map(([part, size]) => `${part} has ${kilobytes(size)} of it`);
  if (bytes <= budget && guilty.length === 0) return undefined;
  const largest = parts.slice(0, 8).map(([part, size]) => `${part} ${kilobytes(size)}`);
  return `${name} has ${kilobytes(bytes)} of ${kilobytes(budget)}; ${guilty.join(', ') || 'no dependency grew'} (${largest.join(', ')})`;
}

describe('the size of the bundled functions', () => {
  test.each(Object.keys(functions))('the bundle of the function %s does not exceed its size limit', (name) => {
    expect(complaint(name, bundles.get(name)!)).toBeUndefined();
  });

  test.each(Object.keys(functions).filter((name) => isConsumer(functions[name]!)))(
    'the consumer %s does not load the AMQP client at its start',
    (name) => {
      const started = startedBy(bundles.get(name)!);
      expect(started.filter((file) => /node_modules\/(amqplib|@aws-sdk\/client-secrets-manager)\//.test(file))).toEqual(
        [],
      );
    },
  );

  test('the AMQP client is not among the files that the function place-order imports statically', () => {
    expect(startedBy(bundles.get('place-order')!).filter((file) => file.includes('node_modules/amqplib/'))).toEqual([]);
  });

  test("no deployed function contains code of the developer's machine, such as the routes that issue tokens to the console", () => {
    const containing = [...bundles].filter(([, { inputs }]) =>
      Object.keys(inputs).some((file) => /(^|\/)infra\/(dev|emulator)\/|node_modules\/surehop-dev\//.test(file)),
    );
    expect(containing.map(([name]) => name)).toEqual([]);
    const routes = JSON.stringify(Object.values(functions).map(({ events }) => events));
    expect(routes).not.toMatch(/\/console\//);
  });

  test('no bundle imports node:process, because that import calls every getter of the object process', () => {
    const importing = [...bundles].filter(([, { outputs }]) =>
      Object.values(outputs).some(({ imports }) => imports.some(({ path }) => /^(node:)?process$/.test(path))),
    );
    expect(importing.map(([name]) => name)).toEqual([]);
  });
});

describe('OpenTelemetry in a bundle', () => {
  const entry = 'functions/dead-letters/archive';
  const openTelemetryIn = ({ outputs }: Metafile) =>
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.keys(inputs).filter((file) => file.includes('@opentelemetry/')),
    );

  test('a bundle contains OpenTelemetry only if the functions of the stage export traces', async () => {
    expect(openTelemetryIn(bundles.get('archive-dead-letter')!)).toEqual([]);
    const traced = await bundle({ entries: [entry], root: resolve('.'), outDirectory, traces: true });
    expect(openTelemetryIn(traced)).not.toEqual([]);
  });
});

type Output = Metafile['outputs'][string];

/**
 * Returns the bundled file `output` and all files that `output` imports statically, directly or through other files.
 * Dynamic imports are ignored.
 */
function reached({ outputs }: Metafile, output: Output, known = new Set<Output>()): Set<Output> {
  known.add(output);
  for (const { path, kind } of output.imports) {
    const next = outputs[path];
    if (next && kind === 'import-statement' && !known.has(next)) reached({ outputs, inputs: {} }, next, known);
  }
  return known;
}

function startedBy(metafile: Metafile): string[] {
  const [, entry] = scripts(metafile).find(([, { entryPoint }]) => entryPoint)!;
  return [...reached(metafile, entry)].flatMap(({ inputs }) => Object.keys(inputs));
}

describe('the check of bundle sizes', () => {
  test('when an npm package makes a bundle too large, the error names the package', async () => {
    const metafile = structuredClone(bundles.get('archive-dead-letter')!);
    const [, { inputs }] = scripts(metafile).find(([, { entryPoint }]) => entryPoint)!;
    inputs['node_modules/lodash/lodash.js'] = { bytesInOutput: 70_000 };
    expect(complaint('archive-dead-letter', metafile)).toContain('lodash has 70 KB of it');
  });
});
