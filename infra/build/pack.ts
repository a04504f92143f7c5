import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { buildPackages } from './build.ts';

/** Builds every package in `directory`, and packs each into a tarball there, as npm publishes it. Returns the paths by package. */
export async function packPackages(root: string, directory: string): Promise<Readonly<Record<string, string>>> {
  const built = await buildPackages(root, join(directory, 'dist'));
  return Object.fromEntries(
    Object.entries(built).map(([name, folder]) => {
      const output = execFileSync('npm', ['pack', folder, '--json', '--pack-destination', directory], {
        encoding: 'utf8',
      });
      const [packed] = Object.values<{ filename: string }>(JSON.parse(output));
      return [name, join(directory, packed!.filename)];
    }),
  );
}
