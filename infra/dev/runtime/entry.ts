import { complain } from './console.ts';
import { Problem, reasonOf } from './problem.ts';

/** Runs a command; what it throws becomes one line and an exit code. */
export async function entry(command: () => Promise<number>): Promise<never> {
  const fail = (error: unknown): never => {
    complain(error instanceof Problem ? error.message : reasonOf(error));
    if (process.env['SUREHOP_DEBUG'] !== undefined) console.error(error);
    process.exit(error instanceof Problem ? error.exitCode : 1);
  };
  process.on('uncaughtException', fail);
  try {
    process.exit(await command());
  } catch (error) {
    return fail(error);
  }
}
