import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { buildPackages } from './build.ts';

/**
 * Builds every package in `directory`, and packs each package into a tarball in `directory`, as npm would publish the
 * package. Returns the paths of the tarballs by package.
 */
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
