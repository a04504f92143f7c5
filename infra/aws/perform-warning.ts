import { readFile } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { build, transform } from 'esbuild';

import { bundleOptions } from './bundler/bundle.ts';
import { moduleOf } from './bundler/module-of.ts';
import type { Stage } from '../stages/stage.ts';
import type { FunctionDefinition } from './serverless.ts';

const PERFORM = /\bperform\s*[:,}(]/;

/**
 * Returns a warning for each consumer with a `perform` function in a stage whose VPC has no internet access. In such a
 * stage, requests from `perform` to other systems would time out.
 */
export async function performWarnings(
  root: string,
  functions: Readonly<Record<string, FunctionDefinition>>,
  stageName: string,
  { network }: Pick<Stage, 'network'>,
): Promise<string[]> {
  if (network.exit !== 'endpoints') return [];
  const consumers = Object.entries(functions).filter(
    // A function with a ready-made artifact is not bundled from its sources.
    ([, { events, package: packaged }]) => !packaged?.artifact && events.some(({ rabbitmq }) => rabbitmq),
  );
  const performing = await Promise.all(
    consumers.map(async ([key, definition]) => ((await performs(root, moduleOf(definition))) ? [key] : [])),
  );
  return performing
    .flat()
    .map(
      (key) =>
        `The consumer ${key} uses perform, but the network of the stage ${stageName} has no way out to the internet (network.exit: endpoints). ` +
        `Requests to other systems than DynamoDB, the broker and Secrets Manager will time out. If ${key} sends such requests, set network.exit to nat in infra/stages/${stageName}.ts.`,
    );
}

async function performs(root: string, entry: string): Promise<boolean> {
  const { metafile } = await build({
    ...bundleOptions({ entries: [entry], outDirectory: '.build', root }),
    packages: 'external',
    write: false,
  });
  const own = Object.keys(metafile.inputs)
    .map((file) => resolve(root, file))
    .filter((file) => /\.[cm]?[jt]s$/.test(file) && !file.includes(`${sep}node_modules${sep}`));
  const found = await Promise.all(
    own.map(async (file) => {
      // esbuild removes the comments.
      const { code } = await transform(await readFile(file, 'utf8'), { loader: 'ts', legalComments: 'none' });
      return PERFORM.test(code);
    }),
  );
  return found.some(Boolean);
}
