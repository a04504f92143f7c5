import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { anEvent, aRecord, anInvocation } from '../support/delivery.ts';
import type { RunningService } from '../support/service.ts';

const readme = readFileSync(join(rootDirectory, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({
  language,
  code: code!,
}));
const shell = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code);
const commands = shell.filter((code) => /^npm [^\n]*\n$/.test(code));
/** The README's commands that create a service. test/packages/create-surehop.test.ts executes these commands. */
const ownService = shell.filter((code) => code.startsWith('npm run create -- ../my-shop\ncd ../my-shop\n'));
const requests = shell.filter((code) => code.includes('localhost:3000'));

let service: RunningService;
const directory = mkdtempSync(join(tmpdir(), 'surehop-readme-'));
export function readmeTests(started: () => RunningService): void {
  beforeAll(() => {
    service = started();
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  describe('the code blocks in the README', () => {
    test('every code block in the README is executed by a test or by CI', () => {
      const others = blocks.filter(
        ({ language, code }) => language !== 'ts' && ![...commands, ...requests, ...ownService].includes(code),
      );
      expect(others).toEqual([]);
    });

    test.each(commands.map((code) => code.trim()))(
      'the command "%s" in the README is a script in package.json',
      (command) => {
        const { scripts } = JSON.parse(readFileSync(join(rootDirectory, 'package.json'), 'utf8'));
        const [, name] = /^npm (?:run )?([\w-]+)/.exec(command)!;
        expect(Object.keys(scripts)).toContain(name);
      },
    );

    test('the curl requests in the README succeed', async () => {
      const token = await service.token('stock:write', 'status:read', 'dead-letters:read');
      for (const code of requests) {
        const script = code
          .replace(/\$\(npm run -s token [^)]*\)/, token)
          .replaceAll('http://localhost:3000', service.url)
          .replaceAll('curl ', 'curl --fail-with-body -sS ');
        // The script must not block this process, which serves the keys with which the service verifies tokens.
        await expect(promisify(execFile)('bash', ['-euc', script], { cwd: rootDirectory })).resolves.toBeDefined();
      }
    });

    test('the example consumer in the README compiles and awards points as the README describes', async () => {
      const source = blocks.find(({ language }) => language === 'ts')!.code;
      const outfile = join(directory, 'example.mjs');
      buildSync({
        stdin: { contents: source, resolveDir: rootDirectory, loader: 'ts' },
        outfile,
        bundle: true,
        platform: 'node',
        format: 'esm',
        banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      });
      Object.assign(process.env, { AMQP_URL: service.host.amqpUrl, TABLE_PREFIX: `${service.host.name}-` });
      const { handler } = await import(pathToFileURL(outfile).href);
      const review = (stars: number) => aRecord({ type: 'review.written', body: { customerId: 'bob', stars } });
      const report = await handler(anEvent([review(5), review(1), review(3)], 'reviews'), anInvocation());
      expect(report.counts).toMatchObject({ completed: 2, 'dead-letter': 1 });
      const response = await fetch(`${service.url}/customers/bob/points`);
      expect(await response.json()).toEqual({ customerId: 'bob', points: 8 });
    });
  });
}
