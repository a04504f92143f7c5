import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { localDirectory, rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { writeExamples } from '../support/user-project.ts';

const guide = readFileSync(join(rootDirectory, 'docs/guides/testing.md'), 'utf8');
const texts = [...guide.matchAll(/^```text\n(.*?)^```$/gms)].map(([, text]) => text!.trimEnd());

// Packages are found only from a directory in the repository.
mkdirSync(localDirectory, { recursive: true });
const directory = mkdtempSync(join(localDirectory, 'guide-'));
let written: string[];
beforeAll(() => {
  written = writeExamples('docs/guides/testing.md', directory);
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/**
 * Runs a script from docs/guides/testing.md without the `AWS_*` environment variables. Returns the output, even if the
 * script fails.
 */
const run = (...args: readonly string[]): Promise<string> => execute(['--import', 'tsx', ...args], directory);

async function execute(args: readonly string[], cwd: string): Promise<string> {
  const given = Object.entries(process.env).filter(([name]) => !/^(AWS_|JEST_|VITEST)/.test(name));
  const env = { ...Object.fromEntries(given), NODE_OPTIONS: '', FORCE_COLOR: '0', NO_COLOR: '1' };
  const running = promisify(execFile)(process.execPath, args, { cwd, env });
  const { stdout, stderr } = await running.catch((error: { stdout: string; stderr: string }) => error);
  return stdout + stderr;
}

describe('the guide about testing', () => {
  test('every TypeScript example of the guide about testing names the file to which it belongs', () => {
    expect(written).toHaveLength([...guide.matchAll(/^```ts$/gm)].length);
  });

  test('the example tests of the guide about testing pass in node:test', async () => {
    const files = ['rule', 'consumer', 'exhaust', 'perform', 'workshop'].map((name) => `test/${name}.test.ts`);
    const output = await run('--test', '--test-reporter=tap', ...files);
    expect(output).toContain('# pass 10\n');
    expect(output).toContain('# fail 0\n');
  }, 120_000);

  // The guide says which lines differ in other test frameworks.
  test.each([
    [
      'vitest',
      ['node_modules/vitest/vitest.mjs', 'run', '--root', '.', '--testTimeout=60000'],
      /Tests {2}9 passed \(9\)/,
    ],
    ['@jest/globals', ['node_modules/jest/bin/jest.js', '--config', 'jest.config.json'], /Tests: +9 passed, 9 total/],
  ])(
    'the example tests of the guide that need no broker pass in the test framework that %s belongs to',
    async (framework, [script, ...args], summary) => {
      const tests = join(directory, framework.replace('/', '-'));
      cpSync(join(directory, 'functions'), join(tests, 'functions'), { recursive: true });
      mkdirSync(join(tests, 'test'));
      for (const name of ['rule', 'consumer', 'exhaust', 'perform']) {
        const example = readFileSync(join(directory, 'test', `${name}.test.ts`), 'utf8');
        const changed = example.replace("from 'node:test'", `from '${framework}'`);
        expect(changed).not.toBe(example);
        writeFileSync(join(tests, 'test', `${name}.test.ts`), changed);
      }
      writeFileSync(join(tests, 'package.json'), '{"type":"module"}');
      const transform = { '\\.ts$': join(rootDirectory, 'test/support/esbuild-transform.mjs') };
      writeFileSync(
        join(tests, 'jest.config.json'),
        JSON.stringify({
          rootDir: '.',
          transform,
          extensionsToTreatAsEsm: ['.ts'],
          testMatch: ['**/*.test.ts'],
          testTimeout: 60_000,
        }),
      );
      const output = await execute(
        ['--experimental-vm-modules', '--no-warnings', join(rootDirectory, script!), ...args],
        tests,
      );
      expect(output).toMatch(summary);
    },
    120_000,
  );

  test('the function workshop() prints to standard error that it starts DynamoDB', async () => {
    const { stderr } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'test/workshop.test.ts'], {
      cwd: directory,
      env: { ...process.env, NODE_OPTIONS: '', DYNAMODB_ENDPOINT: '' },
    });
    expect(stderr).toMatch(/^› starting DynamoDB/m);
  }, 120_000);

  test('the function exhaust finds the deliberate mistake in the example of the testing guide, and reports the same steps as the guide', async () => {
    expect(await run('test/mistake.ts')).toContain(`Counterexample: ${texts[1]}`);
  }, 60_000);

  test('the error of an unmet expectation has the text that the guide about testing shows', async () => {
    writeFileSync(
      join(directory, 'test', 'unmet.ts'),
      `import { testConsumer } from 'surehop/testing';
       import { handler, seatsBooked, shows } from '../functions/book-seats.ts';
       const consumer = testConsumer(handler).given(shows, { show: 'hamlet' }, { free: 1 });
       (await consumer.receive(seatsBooked, { show: 'hamlet', seats: 2 })).expect({ outcome: 'completed' });`,
    );
    expect(await run('test/unmet.ts')).toContain(`ExpectationError: ${texts[0]}`);
  }, 60_000);
});
