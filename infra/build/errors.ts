import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { entry, say } from '../dev/runtime/command-line.ts';
import { rootDirectory } from '../dev/runtime/directories.ts';
import { TROUBLESHOOTING, troubleshootingPage } from './troubleshooting.ts';

// `npm run errors` writes the explanations of all error codes to the guide about troubleshooting.
await entry(async () => {
  await writeFile(join(rootDirectory, TROUBLESHOOTING), await troubleshootingPage());
  say(`updated the explanations of the error codes in ${TROUBLESHOOTING}`);
  return 0;
});
