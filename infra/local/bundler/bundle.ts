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
    // Linked, so that a stack trace on the laptop names the source; the maps stay out of what is deployed.
    sourcemap: 'linked',
    metafile: true,
    banner: { js: requireBanner },
    plugins: [leanSdk],
    logLevel: 'silent',
  } satisfies BuildOptions;
}

/** Bundles every entry and returns esbuild's metafile. Throws one line per mistake, with file and line. */
export async function bundle(options: BundleOptions): Promise<Metafile> {
  try {
    return (await build(bundleOptions(options))).metafile;
  } catch (error) {
    throw new Error(describeBuildError(error), { cause: error });
  }
}

/**
 * Bundles one entry as it is deployed: what it imports only when it is needed is a file of its own beside it, which a cold
 * start does not read. Without that, it would be read at every start, for nothing. (Watching builds one file: faster.)
 */
export async function bundleToDeploy(entry: string, options: Omit<BundleOptions, 'entries'>): Promise<Metafile> {
  const whole = bundleOptions({ ...options, entries: [entry] });
  try {
    return (await build({ ...whole, splitting: true, chunkNames: 'chunks/[name]-[hash]' })).metafile;
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
