import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { BuildOptions, Metafile } from 'esbuild';
import { browserScripts } from './browser.ts';
import { describeBuildError } from './describe-build-error.ts';
import { leanSdk } from './lean-sdk.ts';
import { withoutTraces } from './without-traces.ts';

/**
 * The options for bundling Lambda functions. `entries` are the paths of the functions' modules without a file
 * extension, for example `functions/operations/healthz`.
 */
export interface BundleOptions {
  entries: string[];
  outDirectory: string;
  /** The directory to which the paths in `entries` are relative; by default the working directory. */
  root?: string;
  /** Whether the bundles contain OpenTelemetry, which functions need to export traces. The default is `false`. */
  traces?: boolean;
}

// Bundled CommonJS packages call `require` for Node's built-in modules, but ES modules do not have that function.
const requireBanner =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

/**
 * Returns esbuild's options for bundling each function, together with all modules that the function needs, into one
 * minified ES module.
 */
export function bundleOptions({ entries, outDirectory, root = process.cwd(), traces = false }: BundleOptions) {
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
    // Source maps are separate files. Node reads them during development; on AWS, lib/runtime/stack.ts reads them only when an
    // error is logged.
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    banner: { js: requireBanner },
    plugins: [browserScripts, leanSdk, ...(traces ? [] : [withoutTraces])],
    logLevel: 'silent',
  } satisfies BuildOptions;
}

export const split = { splitting: true, chunkNames: 'chunks/[name]-[hash]' } as const satisfies BuildOptions;

/**
 * Bundles the modules in `entries` and returns esbuild's metafile. If the sources do not compile, throws one error that
 * lists each mistake with its file and line.
 */
export async function bundle(options: BundleOptions): Promise<Metafile> {
  try {
    const { metafile } = await build({ ...bundleOptions(options), ...split });
    return await withoutUnused(metafile, options.root);
  } catch (error) {
    throw new Error(describeBuildError(error), { cause: error });
  }
}

async function withoutUnused(built: Metafile, root = process.cwd()): Promise<Metafile> {
  const metafile = onlyUsed(built);
  const unused = Object.keys(built.outputs).filter((file) => !metafile.outputs[file]);
  await Promise.all(unused.map((file) => rm(resolve(root, file))));
  return metafile;
}

export function onlyUsed({ inputs, outputs }: Metafile): Metafile {
  const eventStreams = unusedEventStreams(inputs);
  const used = new Set(
    Object.keys(outputs).filter((file) => outputs[file]!.entryPoint !== undefined && !file.includes('/chunks/')),
  );
  for (const file of used)
    for (const { path } of outputs[file]!.imports)
      if (outputs[path] && !(eventStreams && outputs[path].entryPoint === eventStreams)) used.add(path);
  for (const file of used) if (outputs[`${file}.map`]) used.add(`${file}.map`);
  return { inputs, outputs: Object.fromEntries(Object.entries(outputs).filter(([file]) => used.has(file))) };
}

function unusedEventStreams(inputs: Metafile['inputs']): string | undefined {
  const module = Object.keys(inputs).find((file) => /@smithy\/core\/.*\/event-streams\/index\.js$/.test(file));
  const importers = Object.keys(inputs).filter((file) => inputs[file]!.imports.some(({ path }) => path === module));
  return importers.every((file) => file.endsWith('/HttpProtocol.js')) ? module : undefined;
}

function sourceOf(root: string, entry: string): string {
  const found = ['.ts', '.mts', '.js', '.mjs'].find((extension) => existsSync(join(root, entry + extension)));
  if (!found)
    throw new Error(
      `the source file ${entry}.ts does not exist: correct the "handler" of the function in serverless.yml`,
    );
  return `./${entry}${found}`;
}
