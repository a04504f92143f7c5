import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

/** Matches words of the reference service, such as "sku", which must not occur in the toolkit. */
const SERVICE_WORDS = /order_?ids?\b|\bskus?\b|stock|(?:['"`/-]|tables\.|queues\.)points\b/gi;

const GENERIC = [
  'lib',
  'infra/aws',
  'infra/emulator',
  'infra/dev',
  'infra/stages/stage.ts',
  'test',
  'docs/capacity.md',
];

const EXCEPTIONS = [
  // The reference service, alone or with everything around it.
  /^test\/(unit|integration)\/(orders|demo)\//,
  /^test\/(service|faults|bench|observability|browser)\//,
  /^test\/support\/failures\.ts$/,
  /^test\/packages\/(packages-run|serverless-package|make-it-yours)\.test\.ts$/,
  /^test\/packages\/guide-cloudformation\.test\.ts$/,
  // Example projects of users.
  /^test\/packages\/(guide-migrate|create-surehop)\.test\.ts$/,
  // The service that create-surehop creates.
  /^test\/unit\/dev\/add\.test\.ts$/,
  // Frozen: what earlier versions have written, and the names of deployed resources.
  /^test\/integration\/forms\//,
  /^test\/contract\/(events\/|fixed-names\.json$)/,
  /^test\/contract\/neutral-words\.test\.ts$/,
];

const tracked = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...GENERIC],
  { encoding: 'utf8' },
);
const files = tracked
  .split('\0')
  .filter((file) => /\.(ts|mjs|cjs|json|md|yml)$/.test(file) && !file.endsWith('package-lock.json'));

test('neither the toolkit nor the tests of the toolkit contain words of the reference service, such as the names of queues', () => {
  expect(files.length).toBeGreaterThan(400);
  const found = files
    .filter((file) => !EXCEPTIONS.some((exception) => exception.test(file)))
    .flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, index) => (line.match(SERVICE_WORDS) ?? []).map((word) => `${file}:${index + 1}: ${word}`)),
    );
  expect(found).toEqual([]);
});

test('every pattern in EXCEPTIONS, the list of files that may contain words of the reference service such as "sku", matches at least one file', () => {
  for (const exception of EXCEPTIONS)
    expect([exception, files.some((file) => exception.test(file))]).toEqual([exception, true]);
});
