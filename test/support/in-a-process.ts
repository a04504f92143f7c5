import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

import type { Templates } from '../../infra/aws/changes/templates.ts';
import { oncePerRun } from './once-per-run.ts';
import { stageNames } from './packages.ts';

/**
 * Runs a script in a Node process of its own, because Jest cannot load Serverless. Parses the script's output as JSON.
 */
export async function resultOf<Result>(script: string): Promise<Result> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', script],
    { maxBuffer: 256_000_000 },
  );
  return JSON.parse(stdout) as Result;
}

/** Returns the file URL of a module as a quoted string, which a script can pass to `import()`. */
export const moduleAt = (path: string): string => JSON.stringify(pathToFileURL(resolve(path)).href);

type StageTemplates = Record<(typeof stageNames)[number], Templates>;

/** Returns the CloudFormation templates of all stages. */
export const stageTemplates = (): Promise<StageTemplates> =>
  oncePerRun('templates', () =>
    resultOf<StageTemplates>(`
      const { templatesOf } = await import(${moduleAt('infra/aws/changes/templates.ts')});
      const { readStage } = await import(${moduleAt('infra/stages/read-stage.ts')});
      const all = {};
      for (const name of ${JSON.stringify(stageNames)}) all[name] = await templatesOf(name, readStage(name));
      process.stdout.write(JSON.stringify(all));`),
  );
