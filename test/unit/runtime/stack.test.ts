import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { bundle } from '../../../infra/aws/bundler/bundle.ts';
import { ownFramesOf, toLoggable } from '../../../lib/runtime/stack.ts';
import { aHostileDirectory } from '../../support/hostile-directory.ts';

const withStack = (stack: unknown, options?: ErrorOptions) =>
  Object.assign(new Error('broken', options), { stack }) as Error;

describe('ownFramesOf', () => {
  test('ownFramesOf omits the stack frames of dependencies, of Node.js and of the toolkit', () => {
    const root = process.cwd();
    const stack = [
      'TypeError: broken',
      '    at parse (node:internal/url:810:10)',
      `    at z (${root}/node_modules/zod/core.js:7:2)`,
      `    at priceOf (${pathToFileURL(root).href}/functions/orders/price.ts:12:9)`,
      `    at async Array.map (<anonymous>)`,
      `    at async ${root}/functions/orders/rules/bill.ts:3:1`,
      `    at decideOne (${root}/lib/consumer/decide.ts:50:24)`,
      `    at task (${root}/lib/runtime/concurrently.ts:14:50)`,
    ].join('\n');
    expect(ownFramesOf(withStack(stack))).toEqual([
      'priceOf (functions/orders/price.ts:12:9)',
      'functions/orders/rules/bill.ts:3:1',
    ]);
  });

  test('ownFramesOf omits the stack frames of every folder of the toolkit', () => {
    const folders = readdirSync('lib', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const frames = folders.map(({ name }) => `    at f (${process.cwd()}/lib/${name}/f.ts:1:2)`);
    expect(frames.flatMap((frame) => ownFramesOf(withStack(`Error: x\n${frame}`)))).toEqual([]);
  });

  test('ownFramesOf returns the stack frames of the cause if an error itself has no frames in the code of the service', () => {
    const cause = withStack('Error: x\n    at f (/elsewhere/f.ts:1:2)');
    expect(ownFramesOf(withStack('Error: y\n    at g (node:fs:1:1)', { cause }))).toEqual(['f (/elsewhere/f.ts:1:2)']);
  });

  test('ownFramesOf returns a stack frame with an invalid file URL unchanged', () => {
    const frame = 'f (file:///%ZZ/f.ts:1:2)';
    expect(ownFramesOf(withStack(`Error: x\n    at ${frame}`))).toEqual([frame]);
  });

  test.each([undefined, 'a text', null, 7, withStack(undefined), withStack([]), withStack('x'.repeat(1_000_000))])(
    'ownFramesOf returns no frames for a thrown value without a stack (case %#)',
    (thrown) => expect(ownFramesOf(thrown)).toEqual([]),
  );

  test('a logged error has fewer than 6,000 characters, however long its stack and message are', () => {
    const deep = `Error: x\n${Array.from({ length: 500 }, (_, n) => `    at ${'f'.repeat(500)} (/x/${n}.ts:1:1)`).join('\n')}`;
    const error = withStack(deep);
    error.message = 'm'.repeat(100_000);
    expect(ownFramesOf(error)).toHaveLength(5);
    expect(JSON.stringify(toLoggable(error)).length).toBeLessThan(6_000);
  });
});

describe('an error in a deployed bundle', () => {
  const root = aHostileDirectory('stack');
  beforeAll(() => {
    mkdirSync(join(root, 'functions/rules'), { recursive: true });
    symlinkSync(resolve('lib'), join(root, 'lib'));
    symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
    writeFileSync(
      join(root, 'functions/rules/bill.ts'),
      `interface Order { readonly tier?: { readonly name: string } }\n\nexport function bill(order: Order): string {\n  return order.tier!.name;\n}\n`,
    );
    writeFileSync(
      join(root, 'functions/handler.ts'),
      `import { ownFramesOf } from '../lib/runtime/stack.ts';\nimport { bill } from './rules/bill.ts';\n\nexport function handler() {\n  try {\n    return bill({});\n  } catch (error) {\n    return ownFramesOf(error);\n  }\n}\n`,
    );
  });
  afterAll(() => rmSync(dirname(root), { recursive: true }));

  test('the logged stack trace of an error in a bundle names the lines of the source files, even if Node runs without --enable-source-maps', async () => {
    const outDirectory = join(root, 'out');
    await bundle({ entries: ['functions/handler'], root, outDirectory });
    const script = `import(${JSON.stringify(pathToFileURL(join(outDirectory, 'functions/handler.mjs')).href)}).then((m) => console.log(JSON.stringify(m.handler())))`;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
    const [rule, handler] = JSON.parse(printed) as string[];
    expect(rule).toMatch(/^functions\/rules\/bill\.ts:4:\d+$/);
    expect(handler).toMatch(/^functions\/handler\.ts:6:\d+$/);
  });
});
