import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

interface Emit {
  readonly root: string;
  readonly from: string;
  readonly to: string;
  /** The TypeScript modules to compile, as paths relative to `from`. By default, all modules in `from` are compiled. */
  readonly modules?: readonly string[];
  /** Compiler options that differ from those in the tsconfig.json of the repository. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Compiles modules with the TypeScript compiler. Type errors fail the build. */
export async function emit({ root, from, to, modules, options }: Emit): Promise<void> {
  const project = join(to, '..', 'tsconfig.build.json');
  mkdirSync(to, { recursive: true });
  const config = {
    extends: relative(dirname(project), join(root, 'tsconfig.json')),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      // Node's own resolution, which requires file extensions and finds exactly what Node finds.
      module: 'nodenext',
      moduleResolution: 'nodenext',
      rewriteRelativeImportExtensions: true,
      rootDir: relative(dirname(project), from) || '.',
      outDir: relative(dirname(project), to),
      ...options,
    },
    ...(modules ? { files: modules.map((module) => relative(dirname(project), join(from, module))) } : {}),
    include: modules ? [] : [relative(dirname(project), from)],
    exclude: [],
  };
  writeFileSync(project, JSON.stringify(config));
  try {
    await promisify(execFile)(process.execPath, [compiler(), '-p', project], { maxBuffer: 10_000_000 });
  } catch (error) {
    throw new Error(`the TypeScript compiler failed:\n${(error as { stdout: string }).stdout}`, { cause: error });
  } finally {
    rmSync(project);
  }
  for (const file of readdirSync(to, { recursive: true, encoding: 'utf8' }))
    if (file.endsWith('.d.ts')) importCompiled(join(to, file));
}

function compiler(): string {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { tsc: string } };
  return join(dirname(manifest), bin.tsc);
}

const RELATIVE_IMPORT = /(\bfrom ['"]|\bimport\(['"])(\.{1,2}\/[^'"]+)\.ts(?=['"])/g;

function importCompiled(file: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(RELATIVE_IMPORT, '$1$2.js'));
}

/**
 * Copies type declaration files (.d.ts) and the declaration files that they import. `entries` are paths relative to
 * `from`.
 */
export function copyDeclarations(from: string, to: string, entries: readonly string[]): void {
  const files = new Set(entries);
  for (const file of files) {
    const text = readFileSync(join(from, file), 'utf8');
    for (const [, path, m] of text.matchAll(/\b(?:from |import\()['"](\.[^'"]+)\.(m?)js['"]/g))
      files.add(join(dirname(file), `${path}.d.${m}ts`));
    mkdirSync(dirname(join(to, file)), { recursive: true });
    writeFileSync(join(to, file), text);
  }
}
