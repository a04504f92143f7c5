import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { buildPackages } from './build.ts';
import type { PackageDefinition } from './packages.ts';

/**
 * Builds packages in `directory`, and packs each package into a tarball in `directory`, as npm would publish the
 * package. By default, packs all packages. Returns the paths of the tarballs by package.
 */
export async function packPackages(
  root: string,
  directory: string,
  definitions?: readonly PackageDefinition[],
): Promise<Readonly<Record<string, string>>> {
  const built = await buildPackages(root, join(directory, 'dist'), definitions);
  const args = ['pack', ...Object.values(built), '--json', '--pack-destination', directory];
  const output = execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 10_000_000 });
  const packed = Object.values<{ name: string; filename: string }>(JSON.parse(output));
  return Object.fromEntries(packed.map(({ name, filename }) => [name, join(directory, filename)]));
}
