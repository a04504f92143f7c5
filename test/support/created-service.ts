import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { packPackages } from '../../infra/build/pack.ts';
import { packages } from '../../infra/build/packages.ts';
import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { aHostileDirectory } from './hostile-directory.ts';
import { oncePerRun } from './once-per-run.ts';
import { npm, npmInstall, userProjectIn, type UserProject } from './user-project.ts';

/** A service that `npm run create` has created. All test files of a run share it, and must not change its files. */
export interface CreatedService {
  readonly directory: string;
  /** The tarball of each package, by the name of the package. */
  readonly tarballs: Readonly<Record<string, string>>;
}

export const createdService = (): Promise<CreatedService> =>
  oncePerRun('created-service', async (directory) => {
    const service = join(aHostileDirectory('created'), 'my-shop');
    // The README shows this command.
    await npm(rootDirectory, 'run', 'create', '--', service);
    // npm cannot install a tarball whose path contains special characters if the path is absolute.
    const inService = Object.entries(dependenciesOf(service)).flatMap(([name, version]) => {
      if (!version.startsWith('file:')) return [];
      const file = version.slice('file:'.length);
      copyFileSync(join(service, file), join(directory, basename(file)));
      return [[name, join(directory, basename(file))] as const];
    });
    // No service depends on create-surehop.
    const others = await packPackages(
      rootDirectory,
      directory,
      packages.filter(({ isCopied }) => isCopied),
    );
    return { directory: service, tarballs: { ...Object.fromEntries(inService), ...others } };
  });

/** Installs the npm packages of the service that `npm run create` has created, as the user of a new service does. */
export const installedService = (): Promise<CreatedService> =>
  oncePerRun('installed-service', async () => {
    const service = await createdService();
    await npmInstall(service.directory);
    return service;
  });

/** Copies the service that `npm run create` has created, with its installed packages. */
export function copyService({ directory }: CreatedService): UserProject {
  const copy = join(aHostileDirectory('service'), basename(directory));
  cpSync(directory, copy, { recursive: true, filter: (file) => file !== join(directory, 'node_modules') });
  linkPackagesOf(directory, copy);
  return userProjectIn(copy);
}

/**
 * Creates a project outside of the repository that depends only on the given packages. Copies the installed packages of
 * the service that `npm run create` has created, and lets npm remove the packages that the project does not need.
 */
export async function aUserProject(
  { directory: service, tarballs }: CreatedService,
  names: readonly string[],
): Promise<UserProject> {
  const directory = aHostileDirectory('user');
  const project = userProjectIn(directory);
  const versions = dependenciesOf(service);
  const dependencies = Object.fromEntries(
    names.map((name) => [name, name in tarballs ? `file:${tarballs[name]}` : versions[name]]),
  );
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'shop', private: true, type: 'module', dependencies }),
  );
  linkPackagesOf(service, directory);
  try {
    await npmInstall(directory, '--ignore-scripts');
    return project;
  } catch (error) {
    project.remove();
    throw error;
  }
}

function dependenciesOf(project: string): Record<string, string> {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  return { ...dependencies, ...devDependencies };
}

/**
 * Hard-links the installed packages of `project` into `copy`. Sharing the files is safe, because npm replaces
 * the files of a package instead of editing them.
 */
function linkPackagesOf(project: string, copy: string): void {
  execFileSync('cp', ['-R', '-P', '-l', join(project, 'node_modules'), copy]);
  // npm edits only this file, its record of the installed packages.
  const record = join('node_modules', '.package-lock.json');
  rmSync(join(copy, record));
  copyFileSync(join(project, record), join(copy, record));
}
