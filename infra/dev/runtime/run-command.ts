import { execFile } from 'node:child_process';

/**
 * Runs a command and returns its standard output. If the command fails, throws an error with the last line that reports an error.
 */
export function run(
  command: string,
  args: readonly string[],
  { cwd, env = process.env, timeoutMs = 300_000 }: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      [...args],
      { cwd, env: { ...env, LC_ALL: 'C' }, timeout: timeoutMs, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        const lines = stderr.split('\n').filter((line) => line.trim() !== '');
        const said = lines.findLast((line) => /^(E|error|fatal)/i.test(line)) ?? lines.at(-1);
        reject(
          new Error(missing ? `${command} is not installed` : `${command}: ${said ?? error.message}`, { cause: error }),
        );
      },
    );
  });
}
