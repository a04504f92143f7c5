import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from 'esbuild';

import { localDirectory } from '../../infra/dev/runtime/directories.ts';

const requireBanner =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

export async function compile(name: string): Promise<string> {
  const outDirectory = join(localDirectory, 'bench');
  await mkdir(outDirectory, { recursive: true });
  const outfile = join(outDirectory, `${name}.mjs`);
  await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: [`./${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['esbuild'],
    banner: { js: requireBanner },
    logLevel: 'error',
  });
  return outfile;
}
