import { transformSync, type Message, type TransformOptions } from 'esbuild';

import { UsageError } from '../commands/command.ts';

const OPTIONS: TransformOptions = {
  loader: 'ts',
  minifyWhitespace: true,
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'silent',
  // Otherwise esbuild removes the imports that are only used as types.
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
};

/** Returns the code of a TypeScript module without types, comments and spaces. Throws an error if the code has a syntax error. */
export function compact(file: string, text: string, advice: string): string {
  let result;
  try {
    result = transformSync(text, OPTIONS);
  } catch (error) {
    const [mistake] = (error as { errors?: readonly Message[] }).errors ?? [];
    throw refusal(file, mistake, advice, error);
  }
  const twice = result.warnings.find(({ id }) => id === 'duplicate-object-key');
  if (twice) throw refusal(file, twice, advice);
  return result.code.trimEnd();
}

function refusal(file: string, mistake: Message | undefined, advice: string, cause?: unknown): UsageError {
  const line = mistake?.location ? ` (line ${mistake.location.line})` : '';
  const text = mistake?.text ?? String(cause);
  return new UsageError(`${file}${line}: ${text}. Nothing was written; ${advice}`, { cause });
}

/**
 * Checks that `surehop add` only inserted code into a TypeScript module, and returns the edited text. Otherwise, throws
 * an error that contains `byHand`, which says how to edit the file by hand. `length` is the number of inserted
 * characters without white space.
 */
export function insertedOnly(
  file: string,
  [before, after]: readonly [string, string],
  { length, byHand }: { readonly length: number; readonly byHand: string },
): string {
  const old = compact(file, before, 'correct the file first');
  const now = compact(file, after, byHand);
  let same = 0;
  while (same < old.length && old[same] === now[same]) same += 1;
  const isInserted = now.length === old.length + length && now.endsWith(old.slice(same));
  if (isInserted) return after;
  const line = firstDifference(before.split('\n'), after.split('\n')) + 1;
  throw new UsageError(`${file} (line ${line}): surehop add cannot edit this code. Nothing was written; ${byHand}`);
}

function firstDifference(before: readonly string[], after: readonly string[]): number {
  const line = before.findIndex((text, index) => text !== after[index]);
  return line < 0 ? 0 : line;
}
