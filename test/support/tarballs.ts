import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { buildPackages } from '../../infra/build/build.ts';
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
  const built = await buildPackages(rootDirectory, join(directory, 'dist'));
  const files: Record<string, string> = {};
  for (const [name, folder] of Object.entries(built)) {
    const output = execFileSync('npm', ['pack', folder, '--json', '--pack-destination', directory], {
      encoding: 'utf8',
    });
    const [packed] = Object.values<{ filename: string }>(JSON.parse(output));
    files[name] = join(directory, packed!.filename);
  }
  return { directory, files, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
