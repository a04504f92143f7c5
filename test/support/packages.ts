import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Template } from '../../infra/aws/template.ts';
import { aHostileDirectory } from './hostile-directory.ts';
import { linkPackages } from './link-packages.ts';
import { stages } from '../../infra/stages/all.ts';

const root = resolve('.');
const PARTS = ['functions', 'infra', 'lib', 'package.json', 'serverless.yml', 'tsconfig.json'];

export interface Packaged {
  readonly directory: string;
  readonly template: Template;
  readonly templateFile: string;
  readonly output: string;
}

/** Copies the sources of the repository into a temporary directory, in which `serverless` commands can run. */
export function aCheckout({ withoutCode = false } = {}): { readonly directory: string; remove(): void } {
  const directory = aHostileDirectory('package');
  execFileSync('cp', ['-R', ...PARTS.map((part) => join(root, part)), directory]);
  if (withoutCode)
    for (const file of readdirSync(join(directory, 'functions'), { recursive: true, encoding: 'utf8' }))
      if (file.endsWith('.ts'))
        writeFileSync(join(directory, 'functions', file), 'export const handler = async () => {};\n');
  linkPackages(directory);
  return { directory, remove: () => rmSync(dirname(directory), { recursive: true, force: true }) };
}

/** Packages one stack of a stage without AWS credentials. An error contains the output of Serverless. */
export async function packageStack(checkout: string, stack: 'broker' | 'functions', stage: string): Promise<Packaged> {
  const directory = join(checkout, '.packages', `${stack}-${stage}`);
  const output = await serverless(checkout, stack, ['package', '--stage', stage, '--package', directory]);
  const templateFile = join(directory, 'cloudformation-template-update-stack.json');
  return { directory, templateFile, output, template: JSON.parse(readFileSync(templateFile, 'utf8')) as Template };
}

/**
 * Deploys one stack of a stage to the AWS simulator at the URL `endpoint`. If the deployment fails, throws an error
 * with the output of Serverless.
 */
export const deployStack = (checkout: string, stack: 'broker' | 'functions', stage: string, endpoint: string) =>
  serverless(checkout, stack, ['deploy', '--stage', stage], {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'stand-in',
    AWS_SECRET_ACCESS_KEY: 'stand-in',
    SLS_AWS_REQUEST_MAX_RETRIES: '0',
  });

async function serverless(
  checkout: string,
  stack: 'broker' | 'functions',
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(AWS_|AMQP_URL|MANAGEMENT_URL|DYNAMODB_|SLS_)/.test(name)),
  );
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [serverlessCommand(), ...args], {
      cwd: stack === 'broker' ? join(checkout, 'infra', 'broker') : checkout,
      env: {
        ...environment,
        // The credentials of the user who runs the tests must not be used.
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_EC2_METADATA_DISABLED: 'true',
        SLS_TELEMETRY_DISABLED: '1',
        SLS_NOTIFICATIONS_MODE: 'off',
        NO_COLOR: '1',
        ...more,
      },
    });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    const words = args.join(' ');
    throw new Error(`serverless failed in the stack ${stack}, with the arguments ${words}: ${stdout}${stderr}`, {
      cause: error,
    });
  }
}

export function serverlessCommand(): string {
  const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { serverless: string } };
  return join(dirname(manifest), bin.serverless);
}

export interface Stacks {
  readonly broker: Packaged;
  readonly functions: Packaged;
}

export const stageNames = Object.keys(stages) as readonly ('dev' | 'staging' | 'prod')[];

/** Packages the broker stack and the functions stack of every stage concurrently. */
export async function packageAll(): Promise<{
  readonly of: Readonly<Record<(typeof stageNames)[number], Stacks>>;
  remove(): void;
}> {
  const [forBroker, forFunctions] = [aCheckout({ withoutCode: true }), aCheckout({ withoutCode: true })];
  const all = async (checkout: string, stack: 'broker' | 'functions') => {
    const packaged: Record<string, Packaged> = {};
    for (const stage of stageNames) packaged[stage] = await packageStack(checkout, stack, stage);
    return packaged;
  };
  const remove = () => {
    forBroker.remove();
    forFunctions.remove();
  };
  try {
    const [brokers, functions] = await Promise.all([
      all(forBroker.directory, 'broker'),
      all(forFunctions.directory, 'functions'),
    ]);
    const of = Object.fromEntries(
      stageNames.map((stage) => [stage, { broker: brokers[stage]!, functions: functions[stage]! }]),
    );
    return { of: of as Record<(typeof stageNames)[number], Stacks>, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
