import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  /** The commands of the package, each with the file that runs it. */
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** The files of one subpath in the `exports` of a published package. */
export interface Published {
  readonly types?: string;
  readonly default: string;
}

export const readManifest = (directory: string): Manifest =>
  JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;

export const installedWith = (manifest: Manifest): string[] =>
  Object.keys({
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...manifest.peerDependenciesMeta,
    ...manifest.optionalDependencies,
  });

/** Returns the package.json of a package whose files are published as they are, without compilation. */
export function copiedManifest(manifest: Manifest): object {
  const { private: _, ...published } = manifest;
  return published;
}

/**
 * Returns the package.json of a published package. The package.json in the repository is private, and exports the
 * TypeScript sources instead of the compiled modules.
 */
export function publishedManifest(manifest: Manifest, exports: Readonly<Record<string, Published>>): object {
  const { private: _, devDependencies: __, bin = {}, ...published } = manifest;
  const commands = Object.keys(bin).map((name) => [name, `./dist/${name}.js`] as const);
  return {
    ...published,
    ...(commands.length > 0 && { bin: Object.fromEntries(commands) }),
    files: ['dist', 'src', '*.cjs', '*.d.cts'],
    exports: { ...Object.fromEntries(Object.entries(exports).toSorted()), './package.json': './package.json' },
  };
}
