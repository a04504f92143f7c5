import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Serverless } from '../serverless.ts';

/** The options of `serverless deploy` that are passed on to the deployment of the foundation stack. */
const SHARED_OPTIONS = ['stage', 'region', 'aws-profile', 'verbose', 'force'] as const;

/**
 * Deploys the foundation stack before the service stack, because the service stack imports values from the foundation
 * stack.
 */
export async function deployBrokerFirst(
  serverless: Serverless,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const aws = serverless.getProvider('aws');
  const given: Record<string, unknown> = { ...options, stage: aws.getStage(), region: aws.getRegion() };
  const args = SHARED_OPTIONS.flatMap((name) => {
    const value = given[name];
    if (value === true) return [`--${name}`];
    return typeof value === 'string' ? [`--${name}`, value] : [];
  });
  const code = await run([process.argv[1]!, 'deploy', ...args], join(serverless.serviceDir, 'infra', 'broker'));
  if (code !== 0)
    throw new Error(
      'the broker stack (infra/broker) was not deployed, so the functions were not deployed either; see the error above',
    );
}

const run = (args: string[], cwd: string): Promise<number | null> =>
  new Promise((resolve, reject) => {
    spawn(process.execPath, args, { cwd, stdio: 'inherit' }).once('error', reject).once('exit', resolve);
  });
