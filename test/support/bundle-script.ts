import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

import { buildSync } from 'esbuild';

export interface BundledScript {
  readonly directory: string;
  readonly modulePath: string;
  remove(): void;
}

/** Bundles a script of test/support into one file, which starts several times faster than with tsx. */
export function bundleScript(name: string): BundledScript {
  const source = resolve('test', 'support', name);
  const directory = mkdtempSync(join(tmpdir(), 'surehop-script-'));
  const modulePath = join(directory, basename(name, '.ts'));
  buildSync({
    // esbuild treats an asterisk in an entry point as a glob. A directory name may contain one, so the entry point
    // contains no directory.
    absWorkingDir: dirname(source),
    entryPoints: [`./${basename(source)}`],
    outfile: `${modulePath}.mjs`,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return { directory, modulePath, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
