import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Serverless } from '../serverless.ts';

/** What `serverless deploy` is told that is true of the broker's stack too. */
const SHARED_OPTIONS = ['stage', 'region', 'aws-profile', 'verbose', 'force'] as const;

/** Deploys the broker's stack, which the functions' stack imports from; where nothing has changed, Serverless leaves it alone. */
export async function deployBrokerFirst(
  serverless: Serverless,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const aws = serverless.getProvider('aws');
  const told: Record<string, unknown> = { ...options, stage: aws.getStage(), region: aws.getRegion() };
  const args = SHARED_OPTIONS.flatMap((name) => {
    const value = told[name];
    if (value === true) return [`--${name}`];
    return typeof value === 'string' ? [`--${name}`, value] : [];
  });
  const code = await run(
    [process.argv[1]!, 'deploy', ...args],
    join(serverless.serviceDir, 'infra', 'aws', 'foundation'),
  );
  if (code !== 0)
    throw new Error(
      'the stack of the broker was not deployed, so the functions were not either; the lines above say why',
    );
}

const run = (args: string[], cwd: string): Promise<number | null> =>
  new Promise((resolve, reject) => {
    spawn(process.execPath, args, { cwd, stdio: 'inherit' }).once('error', reject).once('exit', resolve);
  });
