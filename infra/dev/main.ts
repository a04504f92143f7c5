import {
  helpOf,
  overviewOf,
  print,
  readArguments,
  runCommand,
  usageProblem,
  UsageError,
  type Command,
} from './commands/command.ts';
import { commands } from './commands/table.ts';
import { loadTypescript } from './launch.mjs';
import { findProject, missingModules } from './project/find-project.mjs';
import { entry, Problem } from './runtime/command-line.ts';
import { meantName } from './runtime/misspelt.ts';

const names = Object.keys(commands);

const HELP = new Set(['help', '--help', '-h']);

/** Runs a command of `surehop` and ends this process with the command's exit code. */
export const main = ([name, ...args]: readonly string[]): Promise<never> =>
  entry(async () => {
    if (name === undefined || (HELP.has(name) && args.length === 0)) {
      print(overviewOf(commands));
      return name === undefined ? 2 : 0;
    }
    const [wanted = '', ...rest] = HELP.has(name) ? [...args, '--help'] : [name, ...args];
    const listed = Object.hasOwn(commands, wanted) ? commands[wanted] : undefined;
    if (listed === undefined) {
      const meant = meantName(
        wanted.toUpperCase(),
        names.map((one) => one.toUpperCase()),
      )?.toLowerCase();
      const suggestion = meant === undefined ? `the commands are ${names.join(', ')}` : `did you mean ${meant}?`;
      throw new Problem(`unknown command "${wanted}"; ${suggestion}`, { exitCode: 2 });
    }
    const { command } = await listed.load();
    if (rest.some((word) => word === '--help' || word === '-h')) {
      print(helpOf(wanted, listed.summary, command));
      return 0;
    }
    const given = readGiven(wanted, command, rest);
    await prepareFor(wanted, command);
    return runCommand(wanted, command, given);
  });

function readGiven(name: string, command: Command, args: readonly string[]) {
  try {
    return readArguments(command, args);
  } catch (error) {
    throw error instanceof UsageError ? usageProblem(name, command, error) : error;
  }
}

/**
 * Checks that this process runs in a project, and that the project has the modules that the command needs. Otherwise
 * throws a `Problem` that names the missing file or module. After a successful check, the command can import the
 * modules of the project.
 */
async function prepareFor(name: string, { needs }: Command): Promise<void> {
  if (needs === 'nothing') return;
  const root = findProject(process.cwd());
  if (root === undefined)
    throw new Problem(
      `surehop ${name} needs a project, and neither ${process.cwd()} nor a folder above it has a serverless.yml; change to the folder of your service, or create one with npm create surehop my-service`,
      { exitCode: 2 },
    );
  if (needs === 'project') return;
  const missing = missingModules(root);
  if (missing.length > 0) throw new Problem(missing.join('\n'), { exitCode: 2 });
  await loadTypescript(root);
}
