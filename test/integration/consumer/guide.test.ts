import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';

import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, anInvocation, aRecord } from '../../support/delivery.ts';

let backend: Backend;
const directory = mkdtempSync(join(tmpdir(), 'surehop-guide-'));
beforeAll(async () => {
  backend = await aBackend();
});
afterAll(async () => {
  await backend?.remove();
  rmSync(directory, { recursive: true, force: true });
});

test('the example consumer in docs/guides/consumers.md compiles, performs a message, and commits its decision', async () => {
  const guide = readFileSync(join(rootDirectory, 'docs', 'guides', 'consumers.md'), 'utf8');
  const [, source] = /^```ts\n(.*?)^```$/ms.exec(guide)!;
  const outfile = join(directory, 'example.mjs');
  buildSync({
    stdin: { contents: source!, resolveDir: rootDirectory, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  const { handler } = await import(pathToFileURL(outfile).href);
  const parcel = (orderId: string, ageMs: number) =>
    aRecord({
      type: 'parcel.packed',
      body: { orderId, weight: 1 },
      headers: { 'surehop-published-at': new Date(Date.now() - ageMs).toISOString() },
    });
  const report = await handler(anEvent([parcel('1', 0)], 'shipping'), anInvocation());
  expect(report.counts).toMatchObject({ completed: 1 });
});
