import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { takeLock } from '../../infra/dev/runtime/process-lock.ts';

/** `npm test` chooses this folder for the files of one run of the tests, and removes the folder after the run. */
const ofThisRun = process.env['TEST_RUN_DIRECTORY'];
/**
 * A hash of the path of the repository. One test runs tests in a copy of the repository, and the results for the copy
 * must be separate.
 */
const ofThisRepository = createHash('sha256').update(rootDirectory).digest('hex').slice(0, 12);

/**
 * Shares one result per `name` between all test files of an `npm test` run. The first file calls `make`, and the others
 * wait for the result, which must be serializable as JSON. `make` must write its files into `directory`.
 */
export async function oncePerRun<Result>(name: string, make: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = join(ofThisRun ?? mkdtempSync(join(tmpdir(), 'surehop-run-')), `${name}-${ofThisRepository}`);
  const file = `${directory}.json`;
  for (;;) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Result;
    const lock = takeLock(`${directory}.lock`);
    if ('heldBy' in lock) {
      await sleep(100);
      continue;
    }
    try {
      if (existsSync(file)) continue;
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory, { recursive: true });
      const result = await make(directory);
      writeFileSync(`${file}.new`, JSON.stringify(result));
      renameSync(`${file}.new`, file);
      return result;
    } finally {
      lock.release();
    }
  }
}
