import { parseArgs } from 'node:util';

import { Problem } from '../runtime/command-line.ts';

/** An option of a command, such as `--scope SCOPES`. */
interface Option {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly value?: string;
  readonly meaning: string;
}

type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O['type'] extends 'boolean' ? boolean : O['multiple'] extends true ? string[] : string;

export interface Given<O extends Options = Options> {
  readonly words: readonly string[];
  readonly options: { readonly [Name in keyof O]?: ValueOf<O[Name]> };
}

/**
 * A command of `surehop`, without its name and summary. The module of a command must not statically import the queues
 * and tables of a service, because `surehop --help` must also work outside of a project.
 */
export interface Command {
  /** The usage of the command in the help text, one line for each way to use the command. */
  readonly usage: readonly string[];
  /** Further sentences for the help text of this command. */
  readonly details?: readonly string[];
  readonly options?: Options;
  /**
   * What must exist before the command can run: nothing, the folder of a project (`project`), or a project that defines
   * the queues and tables of a service (`definitions`).
   */
  readonly needs: 'nothing' | 'project' | 'definitions';
  /** Runs the command and returns the exit code. */
  run(given: Given): Promise<number>;
}

/** Defines a command, and infers the types of its options. */
export const defineCommand = <const O extends Options = {}>(
  command: Omit<Command, 'options' | 'run'> & { readonly options?: O; run(given: Given<O>): Promise<number> },
): Command => command;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function readArguments(command: Command, args: readonly string[]): Given {
  const options = { ...command.options, help: { type: 'boolean', meaning: '' } } as Options;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { words: positionals, options: values as Given['options'] };
  } catch (error) {
    // Node's message for a misspelt option goes on with advice that does not apply here.
    throw new UsageError((error as Error).message.split('. ')[0]);
  }
}

/**
 * Runs a command. Converts a `UsageError` of the command to a `Problem` with exit code 2 whose message contains the
 * usage of the command.
 */
export async function runCommand(name: string, command: Command, given: Given): Promise<number> {
  try {
    return await command.run(given);
  } catch (error) {
    throw error instanceof UsageError ? usageProblem(name, command, error) : error;
  }
}

export const usageProblem = (name: string, command: Command, { message }: UsageError): Problem =>
  new Problem(`${message}\n${usageOf(name, command)}\nsurehop ${name} --help explains the options`, { exitCode: 2 });

const usageOf = (name: string, { usage }: Command): string =>
  usage.map((line) => `  surehop ${name} ${line}`.trimEnd()).join('\n');

export function helpOf(name: string, summary: string, command: Command): string {
  const { details = [], options = {} } = command;
  const rows = Object.entries(options).map(
    ([option, { value, meaning }]) => [`--${option}${value === undefined ? '' : ` ${value}`}`, meaning] as const,
  );
  return [usageOf(name, command), sentence(summary), ...details, columns(rows)].filter(Boolean).join('\n\n');
}

export const overviewOf = (commands: Readonly<Record<string, { readonly summary: string }>>): string =>
  [
    'surehop <command> [arguments]: the commands for a service that uses Surehop, on your machine',
    columns(Object.entries(commands).map(([name, { summary }]) => [name, summary])),
    'surehop <command> --help explains one command.',
  ].join('\n\n');

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`).join('\n');
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

/** Returns a number and its noun, such as "1 span" or "2 spans". */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

export const print = (text: string): void => void process.stdout.write(`${text}\n`);
