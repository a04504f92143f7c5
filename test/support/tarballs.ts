import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { packPackages } from '../../infra/build/pack.ts';
import { localDirectory, rootDirectory } from '../../infra/dev/runtime/directories.ts';

/** The tarballs of all packages, as npm publishes them. */
export interface Tarballs {
  readonly directory: string;
  /** The path of each tarball, by the name of its package. */
  readonly files: Readonly<Record<string, string>>;
  remove(): void;
}

/** Builds all packages and packs them. */
export async function buildTarballs(): Promise<Tarballs> {
  // The compiler finds the libraries only from a directory in the repository.
  mkdirSync(localDirectory, { recursive: true });
  const directory = mkdtempSync(join(localDirectory, 'tarballs-'));
  const files = await packPackages(rootDirectory, directory);
  return { directory, files, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
