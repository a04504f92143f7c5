import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { BuildFailure, BuildOptions, Metafile } from 'esbuild';
import { leanSdk } from './lean-sdk.ts';

/** The modules to bundle, as handlers name them, without extension: `functions/orders/place-order`. */
export interface BundleOptions {
  entries: string[];
  outDirectory: string;
  /** The directory that the entries are relative to; by default the working directory. */
  root?: string;
}

// CommonJS dependencies call require for Node's built-in modules.
const requireBanner =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

/** esbuild's options for one self-contained, minified ESM file per entry. */
export function bundleOptions({ entries, outDirectory, root = process.cwd() }: BundleOptions) {
  return {
    absWorkingDir: root,
    entryPoints: entries.map((entry) => ({ in: sourceOf(root, entry), out: entry })),
    outdir: outDirectory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    minify: true,
    // Source maps are separate files: locally Node reads them, on AWS lib/runtime/stack.ts reads them only when an error is logged.
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    banner: { js: requireBanner },
    plugins: [leanSdk],
    logLevel: 'silent',
  } satisfies BuildOptions;
}

/** Options that put shared code and dynamically imported code into separate files. */
export const split = { splitting: true, chunkNames: 'chunks/[name]-[hash]' } as const satisfies BuildOptions;

/**
 * Bundles the entries and returns esbuild's metafile. For a deployment each function is bundled alone; locally all functions are
 * bundled together and share files. Throws an error with one line per mistake that contains file and line.
 */
export async function bundle(options: BundleOptions): Promise<Metafile> {
  try {
    return (await build({ ...bundleOptions(options), ...split })).metafile;
  } catch (error) {
    throw new Error(describeBuildError(error), { cause: error });
  }
}

/** Formats esbuild's errors, one per line: `file:line:column: message`. */
export function describeBuildError(error: unknown): string {
  const { errors } = error as Partial<BuildFailure>;
  if (!errors?.length) return (error as Error).message;
  return errors
    .map(({ location, text }) =>
      location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text,
    )
    .join('\n');
}

function sourceOf(root: string, entry: string): string {
  const found = ['.ts', '.mts', '.js', '.mjs'].find((extension) => existsSync(join(root, entry + extension)));
  if (!found) throw new Error(`${entry}.ts does not exist: correct the function's "handler" in serverless.yml.`);
  return `./${entry}${found}`;
}
