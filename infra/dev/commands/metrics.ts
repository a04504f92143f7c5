import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { generatedFiles } from '../metrics/generated.ts';
import { entry, say } from '../runtime/command-line.ts';
import { rootDirectory } from '../runtime/directories.ts';

// `npm run metrics` writes the files that are generated from the metrics and alarms.
await entry(async () => {
  for (const [path, text] of Object.entries(await generatedFiles())) {
    const file = join(rootDirectory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    say(`updated ${path}`);
  }
  return 0;
});
