import { UsageError } from '../commands/command.ts';

/** Converts a name such as `order.paid` or `ship-order` to the name of a constant: `orderPaid`, `shipOrder`. */
export const camelCase = (name: string): string =>
  name.replaceAll(/[^A-Za-z0-9]+(.)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? '');

/** Returns the folder in `functions` for an event: `orders` for `order.paid`. */
export const folderOf = (type: string): string => {
  const [subject = ''] = type.split('.');
  return subject.endsWith('s') ? subject : `${subject}s`;
};

/** Formats a TypeScript call whose last argument is an object, on one line if the call fits. */
export function call(head: string, properties: readonly string[], indent: number): string {
  if (properties.length === 0) return `${head}${head.endsWith('(') ? '' : ', '}{})`;
  const separator = head.endsWith('(') ? '' : ', ';
  const line = `${head}${separator}{ ${properties.join(', ')} })`;
  if (line.length + indent + 1 <= 120) return line;
  return `${head}${separator}{\n${properties.map((property) => `  ${property},\n`).join('')}})`;
}

/** Returns TypeScript code that reads a property of an object, such as `queues.billing` or `queues['bill-ing']`. */
export const member = (object: string, property: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(property) ? `${object}.${property}` : `${object}['${property}']`;

/** The reserved words of JavaScript, which cannot be the name of a constant or a parameter. */
const RESERVED = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends ' +
    'false finally for function if implements import in instanceof interface let new null package private protected ' +
    'public return static super switch this throw true try typeof undefined var void while with yield __proto__'
  ).split(' '),
);

/** Throws a `UsageError` if `name` cannot be the name of a constant, or is one of the names in `used`. */
export function requireIdentifier(name: string, meaning: string, used: readonly string[] = []): void {
  if (!/^[A-Za-z_$][\w$]*$/.test(name))
    throw new UsageError(`"${name}" cannot be used as ${meaning}: use letters and digits, such as customerId`);
  if (RESERVED.has(name))
    throw new UsageError(
      `"${name}" cannot be used as ${meaning}, because JavaScript reserves this name: use another name`,
    );
  if (used.includes(name))
    throw new UsageError(
      `"${name}" cannot be used as ${meaning}, because the generated code already uses this name: use another name`,
    );
}
