import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';

/**
 * Creates the folder `node_modules` in a copy of the repository, with links to the installed libraries and to the
 * packages in the copy.
 */
export function linkPackages(copy: string): void {
  const [installed, linked] = [join(rootDirectory, 'node_modules'), join(copy, 'node_modules')];
  mkdirSync(linked);
  for (const name of readdirSync(installed)) {
    const link = lstatSync(join(installed, name)).isSymbolicLink() ? readlinkSync(join(installed, name)) : undefined;
    // In a copy of the repository, the libraries are absolute links, and the packages of the repository are relative links.
    const isOwn = link !== undefined && !isAbsolute(link);
    const target = isOwn ? link : join(installed, name);
    if (!isOwn || existsSync(join(linked, target))) symlinkSync(target, join(linked, name));
  }
}
