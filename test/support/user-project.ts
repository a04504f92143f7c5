import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';

/** A project outside of the repository, as a user would create it. */
export interface UserProject {
  readonly directory: string;
  /** Runs a script with Node. Throws an error with the script's output if the script fails. */
  run(script: string, args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<string>;
  command(name: string): string;
  remove(): void;
}

/** A script that runs longer than this time, in ms, is killed, and the test then fails with the script's output. */
const timeLimitMs = 600_000;

/**
 * Installs the packages of a project with npm, preferably from npm's cache. If no cached version of a dependency
 * satisfies the required version range, npm asks the registry.
 */
export async function npmInstall(directory: string, ...more: string[]): Promise<void> {
  const install = (...args: string[]) =>
    npm(directory, 'install', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error', ...more, ...args);
  try {
    await install('--prefer-offline');
  } catch (error) {
    if (!(error as Error).message.includes('ETARGET')) throw error;
    await install('--prefer-online');
  }
}

export async function npm(directory: string, ...args: string[]): Promise<string> {
  // npm passes its own configuration of this repository to the tests in variables.
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(cache|registry)$)/i.test(name));
  const env = Object.fromEntries(inherited);
  try {
    const { stdout } = await promisify(execFile)('npm', args, { cwd: directory, env, maxBuffer: 50_000_000 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`npm ${args.join(' ')}:\n${stdout}${stderr}`, { cause: error });
  }
}

export const userProjectIn = (directory: string): UserProject => ({
  directory,
  async run(script, args, environment = {}) {
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], {
        cwd: directory,
        env: { ...process.env, ...environment },
        maxBuffer: 50_000_000,
        timeout: timeLimitMs,
        killSignal: 'SIGKILL',
      });
      return stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      const words = args.join(' ');
      throw new Error(`the script ${script} failed with the arguments ${words}:\n${stdout}${stderr}`, { cause: error });
    }
  },
  command: (name) => join(directory, 'node_modules', '.bin', name),
  remove: () => rmSync(dirname(directory), { recursive: true, force: true }),
});

/** Writes the example files of a README: every code block whose first line is a comment with a file path. */
export function writeExamples(readme: string, directory: string): string[] {
  const blocks = readFileSync(join(rootDirectory, readme), 'utf8').matchAll(
    /^```\w+\n(?:\/\/|#) ([\w./-]+\.\w+)\n([\s\S]*?)^```$/gm,
  );
  return [...blocks].map(([, file, code]) => {
    mkdirSync(dirname(join(directory, file!)), { recursive: true });
    writeFileSync(join(directory, file!), code!);
    return file!;
  });
}
