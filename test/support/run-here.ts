import { jest } from '@jest/globals';

import { readArguments, runCommand, usageProblem, UsageError } from '../../infra/dev/commands/command.ts';
import { commands } from '../../infra/dev/commands/table.ts';
import { Problem } from '../../infra/dev/runtime/command-line.ts';

export interface Ran {
  readonly code: number | null;
  /** What the command wrote to standard output. */
  readonly out: string;
  /** What the command wrote to standard output and to standard error. */
  readonly said: string;
}

/**
 * Runs a command of `surehop` in this process, for the folder in which the tests run. A process of its own would need
 * half a second of CPU time for each command.
 */
export async function runHere(name: string, ...args: readonly string[]): Promise<Ran> {
  const { command } = await commands[name]!.load();
  const written = { out: '', said: '' };
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.out += String(text);
    written.said += String(text);
    return true;
  });
  try {
    return { code: await runCommand(name, command, readArguments(command, args)), ...written };
  } catch (error) {
    const problem = error instanceof UsageError ? usageProblem(name, command, error) : error;
    if (!(problem instanceof Problem)) throw error;
    return { code: problem.exitCode, out: written.out, said: `${written.said}surehop: ${problem.message}\n` };
  } finally {
    spy.mockRestore();
  }
}
