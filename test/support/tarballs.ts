import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { packPackages } from '../../infra/build/pack.ts';
import { localDirectory, rootDirectory } from '../../infra/dev/runtime/directories.ts';

export interface Tarballs {
  readonly directory: string;
  readonly files: Readonly<Record<string, string>>;
  remove(): void;
}

export async function buildTarballs(): Promise<Tarballs> {
  // The compiler finds the libraries only from a directory in the repository.
  mkdirSync(localDirectory, { recursive: true });
  const directory = mkdtempSync(join(localDirectory, 'tarballs-'));
  const files = await packPackages(rootDirectory, directory);
  return { directory, files, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
