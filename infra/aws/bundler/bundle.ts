import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { BuildFailure, BuildOptions, Metafile } from 'esbuild';
import { leanSdk } from './lean-sdk.ts';

/** What to bundle: modules as handlers name them (`functions/orders/place-order`), without an extension. */
export interface BundleOptions {
  entries: string[];
  outDirectory: string;
  /** Directory that the entries are relative to; the working directory by default. */
  root?: string;
}

// The dependencies that are CommonJS call require for Node's own modules.
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
    // Beside the bundle: Node reads it on the laptop, lib/runtime/stack.ts on AWS, where it is needed for a failure alone.
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    banner: { js: requireBanner },
    plugins: [leanSdk],
    logLevel: 'silent',
  } satisfies BuildOptions;
}

/** With these options too, what entries share, and what they import only when it is needed, are files of their own beside them. */
export const split = { splitting: true, chunkNames: 'chunks/[name]-[hash]' } as const satisfies BuildOptions;

/**
 * Bundles the entries and returns esbuild's metafile: one entry to deploy it, so that a cold start does not read what is only
 * needed later; all of them for a laptop, where they share files. Throws one line per mistake, with file and line.
 */
export async function bundle(options: BundleOptions): Promise<Metafile> {
  try {
    return (await build({ ...bundleOptions(options), ...split })).metafile;
  } catch (error) {
    throw new Error(describeBuildError(error), { cause: error });
  }
}

/** One line per mistake: `file:line:column: what`. */
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
