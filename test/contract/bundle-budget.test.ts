import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Metafile } from 'esbuild';
import { parse } from 'yaml';

import { bundle } from '../../infra/aws/bundler/bundle.ts';

interface Functions {
  readonly functions: Readonly<Record<string, { readonly handler: string; readonly events?: unknown }>>;
}

/** Bytes that a function may have, minified, with all that it loads only when it is needed. */
const CONSUMER_BUDGET = 590_000;
const BUDGET = 600_000;
/** It describes every other function, and has all that they have. */
const BUDGETS: Readonly<Record<string, number>> = { openapi: 680_000 };

/** How much of a bundle a dependency may be, in bytes: some more than it is, so that a release of it fits. */
const DEPENDENCY_BUDGETS: Readonly<Record<string, number>> = {
  '@smithy/core': 150_000,
  amqplib: 135_000,
  zod: 110_000,
  '@aws-sdk/core': 50_000,
  '@aws-sdk/client-dynamodb': 45_000,
};

/** What any other one may be. */
const OTHER_DEPENDENCY_BUDGET = 30_000;

const { functions } = parse(readFileSync('serverless.yml', 'utf8')) as Functions;
/** `${consumes:…}` is written out when the service is packaged. */
const isConsumer = ({ events = [] }: { events?: unknown }) => /rabbitmq|\$\{consumes:/.test(JSON.stringify(events));

const bundles = new Map<string, Metafile>();
const outDirectory = mkdtempSync(join(tmpdir(), 'budget-'));
beforeAll(async () => {
  for (const [name, { handler }] of Object.entries(functions)) {
    const entry = handler.slice(0, handler.lastIndexOf('.'));
    bundles.set(name, await bundle({ entries: [entry], root: resolve('.'), outDirectory }));
  }
});
afterAll(() => rmSync(outDirectory, { recursive: true }));

const scripts = ({ outputs }: Metafile) => Object.entries(outputs).filter(([file]) => file.endsWith('.mjs'));

/** Bytes by dependency, the largest first; what is no dependency goes by its room. */
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

/** Says what a bundle has too much of, or nothing. */
function complaint(name: string, metafile: Metafile, budget: number): string | undefined {
  const bytes = scripts(metafile).reduce((sum, [, output]) => sum + output.bytes, 0);
  const parts = partsOf(metafile);
  const guilty = parts
    .filter(([part, size]) => isDependency(part) && size > (DEPENDENCY_BUDGETS[part] ?? OTHER_DEPENDENCY_BUDGET))
    .map(([part, size]) => `${part} has ${kilobytes(size)} of it`);
  if (bytes <= budget && guilty.length === 0) return undefined;
  const largest = parts.slice(0, 8).map(([part, size]) => `${part} ${kilobytes(size)}`);
  return `${name} has ${kilobytes(bytes)} of ${kilobytes(budget)}; ${guilty.join(', ') || 'no dependency grew'} (${largest.join(', ')})`;
}

describe('the bundle of each function', () => {
  test.each(Object.entries(functions))('%s stays within its budget', (name, definition) => {
    const budget = isConsumer(definition) ? CONSUMER_BUDGET : (BUDGETS[name] ?? BUDGET);
    expect(complaint(name, bundles.get(name)!, budget)).toBeUndefined();
  });

  test.each(['reserve-stock', 'award-points'])('%s reads no AMQP client at its start', (name) => {
    const metafile = bundles.get(name)!;
    const [, entry] = scripts(metafile).find(([, { entryPoint }]) => entryPoint)!;
    const started = [...reached(metafile, entry)].flatMap(({ inputs }) => Object.keys(inputs));
    expect(started.filter((file) => /node_modules\/(amqplib|@aws-sdk\/client-secrets-manager)\//.test(file))).toEqual(
      [],
    );
  });
});

type Output = Metafile['outputs'][string];

/** The files that are read as soon as `output` is. */
function reached({ outputs }: Metafile, output: Output, known = new Set<Output>()): Set<Output> {
  known.add(output);
  for (const { path, kind } of output.imports) {
    const next = outputs[path];
    if (next && kind === 'import-statement' && !known.has(next)) reached({ outputs, inputs: {} }, next, known);
  }
  return known;
}

describe('the budget', () => {
  test('names the dependency that a bundle has too much of', async () => {
    const metafile = structuredClone(bundles.get('reserve-stock')!);
    const [, { inputs }] = scripts(metafile).find(([, { entryPoint }]) => entryPoint)!;
    inputs['node_modules/lodash/lodash.js'] = { bytesInOutput: 70_000 };
    expect(complaint('reserve-stock', metafile, BUDGET)).toContain('lodash has 70 KB of it');
  });
});
