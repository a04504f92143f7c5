import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { entry, say } from '../dev/runtime/command-line.ts';
import { rootDirectory } from '../dev/runtime/directories.ts';
import { completeLock } from './package-lock.ts';

// `npm ci` rejects a lock file that lacks the optional packages of other platforms, and some registries do not offer all of these
// packages. Run `npm run lock` after every change of dependencies to add the missing entries.
await entry(async () => {
  const path = join(rootDirectory, 'package-lock.json');
  const { lock, added } = completeLock(JSON.parse(readFileSync(path, 'utf8')));
  writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
  say(added.length === 0 ? 'No changes: the lock file is complete' : `added to the lock file: ${added.join(', ')}`);
  return 0;
});
