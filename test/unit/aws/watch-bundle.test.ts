import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { bundle } from '../../../infra/aws/bundler/bundle.ts';
import { watchBundle } from '../../../infra/aws/bundler/watch.ts';
import { localDirectory } from '../../../infra/dev/runtime/directories.ts';
import { eventually } from '../../support/eventually.ts';

let root: string;
beforeAll(() => {
  // The bundler finds the libraries only from a directory in the repository.
  mkdirSync(localDirectory, { recursive: true });
  root = mkdtempSync(join(localDirectory, 'watch-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const write = (name: string, returned: number) =>
  writeFileSync(
    join(root, `${name}.ts`),
    `import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
export const client = new DynamoDBClient({});
export const handler = () => ${returned};
`,
  );

test('after an edit of one function, watchBundle reports only this function as rebuilt, and reports no compile error', async () => {
  write('one', 1);
  write('two', 1);
  const options = { entries: ['one', 'two'], outDirectory: join(root, 'out'), root };
  const first = await bundle(options);
  expect(Object.keys(first.outputs).filter((file) => file.includes('event-streams'))).toEqual([]);
  const rebuilt: string[][] = [];
  const mistakes: string[] = [];
  const stop = await watchBundle(options, first, {
    onBuilt: (changed) => void rebuilt.push(changed),
    onMistake: (message) => void mistakes.push(message),
  });
  try {
    write('two', 2);
    await eventually('a rebuild', () => rebuilt.length + mistakes.length > 0);
    expect({ rebuilt, mistakes }).toEqual({ rebuilt: [['two']], mistakes: [] });
  } finally {
    await stop();
  }
});
