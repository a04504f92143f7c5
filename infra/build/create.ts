import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

import { entry, Problem, say } from '../dev/runtime/command-line.ts';
import { localDirectory, rootDirectory } from '../dev/runtime/directories.ts';
import { packPackages } from './pack.ts';

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

/**
 * `npm run create -- ../my-service`: creates a service. The folder `packages` of the service contains the packages of
 * this clone.
 */
await entry(async () => {
  const [given, ...more] = process.argv.slice(2);
  if (given === undefined || more.length > 0)
    throw new Problem('npm run create needs the folder of the new service: npm run create -- ../my-service', {
      exitCode: 2,
    });
  const folder = resolve(process.env['INIT_CWD'] ?? '.', given);
  // create-surehop checks the name and the folder before the packages are built, which takes longer.
  const created = spawnSync(process.execPath, [join(rootDirectory, 'infra/create/create.mjs'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (created.status !== 0) return created.status ?? 1;
  say('building the packages of Surehop for the new service');
  mkdirSync(localDirectory, { recursive: true });
  const directory = mkdtempSync(join(localDirectory, 'create-'));
  try {
    const tarballs = await packPackages(rootDirectory, directory);
    usePackages(folder, tarballs);
  } catch (error) {
    // The folder was new or empty. Without the packages, it is not a service.
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  process.stdout.write(created.stdout);
  return 0;
});

function usePackages(folder: string, tarballs: Readonly<Record<string, string>>): void {
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  mkdirSync(join(folder, 'packages'));
  for (const dependencies of [manifest.dependencies, manifest.devDependencies])
    for (const [name, tarball] of Object.entries(tarballs)) {
      if (!(name in dependencies)) continue;
      copyFileSync(tarball, join(folder, 'packages', basename(tarball)));
      dependencies[name] = `file:packages/${basename(tarball)}`;
    }
  writeFileSync(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
}
