import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { run } from '../../infra/dev/runtime/run-command.ts';

const DIRECTORY = resolve('test/runtime');
const PACKAGE = join(DIRECTORY, 'node_modules', `node-${process.platform}-${process.arch}`);

/** The time limit of the installation, in ms. */
const INSTALL_WITHIN_MS = 180_000;

/** A Node executable of a Lambda runtime's major version, or the reason why none is available. */
export type RuntimeNode = { readonly command: string } | { readonly missing: string };

const majorOf = (version: string): number => Number.parseInt(version.replace(/^v/, ''), 10);

/**
 * Finds a Node for a runtime such as `nodejs24.x`: the one that runs the tests if its major version matches, otherwise the one of test/runtime, which is installed at its first use.
 */
export async function nodeFor(runtime: string): Promise<RuntimeNode> {
  const wanted = majorOf(runtime.replace('nodejs', ''));
  if (majorOf(process.version) === wanted) return { command: process.execPath };
  if (installed() !== wanted) {
    try {
      await run('npm', ['ci', '--no-audit', '--no-fund', '--no-progress'], {
        cwd: DIRECTORY,
        timeoutMs: INSTALL_WITHIN_MS,
      });
    } catch (error) {
      return { missing: `Node ${wanted} could not be installed (${(error as Error).message})` };
    }
  }
  if (installed() !== wanted)
    return { missing: `test/runtime has no Node ${wanted} for ${process.platform} on ${process.arch}` };
  return { command: join(PACKAGE, 'bin', 'node') };
}

function installed(): number | undefined {
  const manifest = join(PACKAGE, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return majorOf((JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version);
}
