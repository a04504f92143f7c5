// @ts-check
import { execFile } from 'node:child_process';

/**
 * Runs a command and returns its standard output. If the command fails, throws an error with the last line that reports an error.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, signal?: AbortSignal }} [options] `signal` ends the command.
 * @returns {Promise<string>}
 */
export function run(command, args, { cwd, env = process.env, timeoutMs = 300_000, signal } = {}) {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      [...args],
      { cwd, env: { ...env, LC_ALL: 'C' }, timeout: timeoutMs, maxBuffer: 64 << 20, signal },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const lines = stderr.split('\n').filter((line) => line.trim() !== '');
        const said = lines.findLast((line) => /^(E|error|fatal)/i.test(line)) ?? lines.at(-1);
        reject(
          new Error(error.code === 'ENOENT' ? `${command} is not installed` : `${command}: ${said ?? error.message}`, {
            cause: error,
          }),
        );
      },
    );
  });
}
