import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

import { buildSync } from 'esbuild';

/** A script bundled into one file, which starts without a TypeScript loader. */
export interface BundledScript {
  readonly directory: string;
  /** The path without `.mjs`. */
  readonly modulePath: string;
  remove(): void;
}

/** Bundles a script of test/support, because a bundled script starts several times faster than one that tsx loads. */
export function bundleScript(name: string): BundledScript {
  const source = resolve('test', 'support', name);
  const directory = mkdtempSync(join(tmpdir(), 'surehop-script-'));
  const modulePath = join(directory, basename(name, '.ts'));
  buildSync({
    // esbuild takes an asterisk in an entry point for a glob, so the entry point has no directory.
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
