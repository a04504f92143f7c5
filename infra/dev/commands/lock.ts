import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { entry, say } from '../runtime/command-line.ts';
import { rootDirectory } from '../runtime/directories.ts';
import { completeLock } from '../runtime/package-lock.ts';

// npm ci refuses a lock file that lacks the optional packages of other platforms, and a registry need not carry them all:
// `npm run lock` adds them after every change of the dependencies.
await entry(async () => {
  const path = join(rootDirectory, 'package-lock.json');
  const { lock, added } = completeLock(JSON.parse(readFileSync(path, 'utf8')));
  writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
  say(added.length === 0 ? 'the lock file was complete' : `added to the lock file: ${added.join(', ')}`);
  return 0;
});
