import { execFileSync } from 'node:child_process';

import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { curlOf } from '../../../infra/console/curl.ts';

/** Returns the arguments that `curl` would receive if a POSIX shell ran the given command line. */
function argumentsOf(command: string): string[] {
  const script = `curl() { for one in "$@"; do printf '%s\\0' "$one"; done; }\n${command}`;
  const output = execFileSync('sh', ['-c', script], { encoding: 'utf8', env: { TOKEN: 'the-token' } });
  return output.split('\0').slice(0, -1);
}

test('the curl command of a request contains the method, the address, the token and the body of the request', () => {
  const command = curlOf('https://shop.example.com', {
    method: 'POST',
    path: '/dead-letters/jobs',
    body: { reason: "it's $HOME `fixed`" },
  });
  expect(argumentsOf(command)).toEqual([
    '-sS',
    '-X',
    'POST',
    'https://shop.example.com/dead-letters/jobs',
    '-H',
    'authorization: Bearer the-token',
    '-H',
    'content-type: application/json',
    '-d',
    '{"reason":"it\'s $HOME `fixed`"}',
  ]);
});

test('when a shell runs a generated curl command, curl receives the request body unchanged, whatever the body contains', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (reason) => {
      const given = argumentsOf(curlOf('https://x.example', { method: 'DELETE', path: '/', body: { reason } }));
      expect(JSON.parse(given.at(-1)!)).toEqual({ reason });
    }),
    { numRuns: 30 },
  );
});
