import { readFileSync } from 'node:fs';

import { UsageError } from '../commands/command.ts';
import { reasonOf } from '../runtime/command-line.ts';

/** Returns the content of a file for the argument `@file`, and otherwise the argument itself. */
export function readText(argument: string): string {
  if (!argument.startsWith('@')) return argument;
  const file = argument.slice(1);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read the file ${file}: ${reasonOf(error)}`);
  }
}

export function parseJson(text: string, bodyOrFile: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`${bodyOrFile} is not JSON: ${reasonOf(error)}`);
  }
}
