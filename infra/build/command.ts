import { join } from 'node:path';

import { entry, say } from '../dev/runtime/command-line.ts';
import { rootDirectory } from '../dev/runtime/directories.ts';
import { buildPackages } from './build.ts';

await entry(async () => {
  const built = await buildPackages(rootDirectory, join(rootDirectory, 'dist'));
  for (const [name, directory] of Object.entries(built)) say(`built the package ${name} in ${directory}`);
  return 0;
});
