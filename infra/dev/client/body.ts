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

/**
 * Parses JSON, which may begin with a byte-order mark. Rejects a number whose digits JavaScript would change, such as
 * 12345678901234567890.
 */
export function parseJson(text: string, bodyOrFile: string): unknown {
  const json = text.replace(/^\ufeff/, '');
  let value: unknown;
  try {
    value = JSON.parse(json) as unknown;
  } catch (error) {
    throw new UsageError(`${bodyOrFile} is not JSON: ${reasonOf(error)}`);
  }
  for (const [token] of json.matchAll(/"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*/g))
    if (!token.startsWith('"') && decimal(token) !== decimal(String(Number(token))))
      throw new UsageError(
        `${bodyOrFile} contains the number ${shortened(token)}, which would become ${Number(token)}: write the number as a string, or with at most 15 digits`,
      );
  return value;
}

/** Returns the significant digits and the exponent of a number, for example `12e2` for `1200` and for `1.20e3`. */
function decimal(number: string): string {
  const [, whole = number, fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:e(.+))?$/i.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return significant && `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

const shortened = (number: string): string => (number.length <= 40 ? number : `${number.slice(0, 40)}…`);
