import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { run } from '../../infra/dev/runtime/run-command.mjs';

const DIRECTORY = resolve('test/runtime');
const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;
const PACKAGE = join(DIRECTORY, 'node_modules', NODE_PACKAGE);

/** The npm packages in test/runtime/package.json that contain a Node executable for one platform. */
const NODE_PACKAGES = new Set(
  Object.keys(
    (JSON.parse(readFileSync(join(DIRECTORY, 'package.json'), 'utf8')) as { optionalDependencies: object })
      .optionalDependencies,
  ),
);

const INSTALL_WITHIN_MS = 180_000;

/** The path of a Node executable with the major version of a Lambda runtime, or why no such executable is available. */
export type RuntimeNode = { readonly command: string } | { readonly missing: string };

const majorOf = (version: string): number => Number.parseInt(version.replace(/^v/, ''), 10);

/** Finds a Node executable for a Lambda runtime such as `nodejs24.x`, or installs one with npm in test/runtime. */
export async function nodeFor(runtime: string): Promise<RuntimeNode> {
  const wanted = majorOf(runtime.replace('nodejs', ''));
  if (majorOf(process.version) === wanted) return { command: process.execPath };
  if (!NODE_PACKAGES.has(NODE_PACKAGE)) return { missing: `there is no package ${NODE_PACKAGE} with Node ${wanted}` };
  if (installed() !== wanted) {
    try {
      await npm('ci');
      // npm ci skips an optional package without an error if its download fails; npm install reports the error.
      if (installed() !== wanted) await npm('install', '--no-save', `${NODE_PACKAGE}@${wanted}`);
    } catch (error) {
      return { missing: `Node ${wanted} could not be installed (${(error as Error).message})` };
    }
  }
  // npm may skip an optional package without an error.
  if (installed() !== wanted) return { missing: `npm did not install ${NODE_PACKAGE}@${wanted} and reported no error` };
  return { command: join(PACKAGE, 'bin', 'node') };
}

const npm = (...args: string[]) =>
  run('npm', [...args, '--no-audit', '--no-fund', '--no-progress'], { cwd: DIRECTORY, timeoutMs: INSTALL_WITHIN_MS });

function installed(): number | undefined {
  const manifest = join(PACKAGE, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return majorOf((JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version);
}
