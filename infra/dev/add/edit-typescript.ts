import { UsageError } from '../commands/command.ts';
import { compact, insertedOnly } from './check-typescript.ts';
import { closingBracket, codeIn, type Range } from './scan-typescript.ts';

/**
 * Finds the object or array literal of an exported constant. Returns the range between its brackets, and the position
 * of the last character of code in this range.
 */
function literalOf(
  text: string,
  { file, constant, bracket, byHand }: { file: string; constant: string; bracket: '{' | '['; byHand: string },
): Range & { readonly lastCode: number } {
  const refuse = (line: number, reason: string) =>
    new UsageError(
      `${file} (line ${line}): surehop add cannot edit the file, ${reason}. Nothing was written; ${byHand}`,
    );
  const head = new RegExp(`^export const ${constant}\\b[^={]*=\\s*\\${bracket}`, 'm').exec(text);
  if (!head) {
    const at = text.search(new RegExp(`\\b${constant}\\b`));
    throw refuse(lineOf(text, Math.max(at, 0)), `which does not contain "export const ${constant} = ${bracket}"`);
  }
  const start = head.index + head[0].length;
  const end = closingBracket(text, start);
  if (end === undefined)
    throw refuse(lineOf(text, head.index), `because the brackets after "export const ${constant}" do not match`);
  let lastCode = start - 1;
  for (const at of codeIn(text, { start, end })) if (text[at]!.trim() !== '') lastCode = at;
  return { start, end, lastCode };
}

const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length;

/** Adds a property to the object literal of an exported constant, unless the object already has the property. */
export function addProperty(
  text: string,
  { file, constant, name, value }: { file: string; constant: string; name: string; value: string },
): string {
  const property = `${name}: ${value}`;
  const byHand = `add "${property.replaceAll(/\s+/g, ' ')}" to ${constant} by hand`;
  const { start, end, lastCode } = literalOf(text, { file, constant, bracket: '{', byHand });
  if (hasProperty(text, { start, end }, name)) return text;
  const inner = text.slice(start, end);
  let edited: string;
  if (inner.includes('\n')) {
    const comma = text[lastCode] === ',' || lastCode < start ? '' : ',';
    const kept = text.slice(0, lastCode + 1) + comma + text.slice(lastCode + 1, end).trimEnd();
    edited = `${kept}\n  ${indented(property)},\n${text.slice(end)}`;
  } else {
    const before = inner.trim().replace(/,$/, '');
    edited = `${text.slice(0, start)}\n${before && `  ${before},\n`}  ${indented(property)},\n${text.slice(end)}`;
  }
  const comma = lastCode < start ? 0 : 1;
  const length = compact(file, `({ ${property} })`, byHand).length - '({});'.length + comma;
  return insertedOnly(file, [text, edited], { length, byHand });
}

const indented = (lines: string): string => lines.replaceAll('\n', '\n  ');

function hasProperty(text: string, range: Range, name: string): boolean {
  let depth = 0;
  for (const at of codeIn(text, range)) {
    if (depth === 0 && new RegExp(`^['"]?${name}['"]?\\s*:`).test(text.slice(at)) && /[\s{,/]/.test(text[at - 1]!))
      return true;
    if ('{[('.includes(text[at]!)) depth += 1;
    if ('}])'.includes(text[at]!)) depth -= 1;
  }
  return false;
}

/** Adds an identifier to the array literal of an exported constant. */
export function addItem(
  text: string,
  { file, constant, name }: { file: string; constant: string; name: string },
): string {
  const byHand = `add ${name} to ${constant} by hand`;
  const { start, end, lastCode } = literalOf(text, { file, constant, bracket: '[', byHand });
  const isEmpty = lastCode < start;
  const comma = isEmpty || text[lastCode] === ',' ? '' : ',';
  const kept = text.slice(0, lastCode + 1) + comma + text.slice(lastCode + 1, end).trimEnd();
  const item = text.slice(start, end).includes('\n') ? `\n  ${name},\n` : `${isEmpty ? '' : ' '}${name}`;
  const length = name.length + (isEmpty ? 0 : 1);
  return insertedOnly(file, [text, kept + item + text.slice(end)], { length, byHand });
}

interface Import {
  readonly file: string;
  readonly name: string;
  readonly module: string;
}

/** Adds the import of a name from a module, unless the file imports the name already. */
export function addImport(text: string, { file, name, module }: Import): string {
  const { quote, semicolon } = styleOf(text);
  const statement = `import { ${name} } from ${quote}${module}${quote}${semicolon}`;
  const byHand = `add "${statement}" by hand`;
  const escaped = module.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  const imports = new RegExp(`^(import\\s+(?:[\\w$]+\\s*,\\s*)?)\\{([^}]*)\\}(\\s*from\\s*(['"])${escaped}\\4)`, 'gm');
  const found = [...text.matchAll(imports)]
    .map((match) => ({ match, names: namesIn(match[2]!) }))
    .filter(({ names }) => names.some((one) => !one.startsWith('type ')));
  if (found.some(({ names }) => names.includes(name))) return text;
  const [existing] = found;
  if (!existing) return addStatement(text, { file, statement, byHand });
  const { match, names } = existing;
  const after = names.findIndex((one) => bare(one).localeCompare(bare(name)) > 0);
  const all = names.toSpliced(after < 0 ? names.length : after, 0, name);
  const line = `${match[1]}{ ${all.join(', ')} }${match[3]}`;
  const isOneLine = !match[2]!.includes('\n') && line.length < 120;
  const edited = isOneLine ? line : `${match[1]}{\n${all.map((one) => `  ${one},\n`).join('')}}${match[3]}`;
  const whole = text.slice(0, match.index) + edited + text.slice(match.index + match[0].length);
  return insertedOnly(file, [text, whole], { length: name.length + 1, byHand });
}

const namesIn = (list: string): string[] =>
  list
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

/** Adds `import * as z from 'zod';`, unless the file imports `z` already. */
export function addZod(text: string, file: string): string {
  if (/^import\s[^'"]*\bz\b[^'"]*\sfrom\s*['"]zod(\/[^'"]*)?['"]/m.test(text)) return text;
  const { quote, semicolon } = styleOf(text);
  const statement = `import * as z from ${quote}zod${quote}${semicolon}`;
  return addStatement(text, { file, statement, byHand: `add "${statement}" by hand` });
}

const bare = (name: string): string => name.replace(/^type /, '').toLowerCase();

const IMPORTS = /^import\b[^'"()]*(['"])[^'"\n]*\1[^\n]*\n/gm;

function styleOf(text: string): { readonly quote: string; readonly semicolon: string } {
  const [first] = text.matchAll(IMPORTS);
  return first ? { quote: first[1]!, semicolon: first[0].includes(';') ? ';' : '' } : { quote: "'", semicolon: ';' };
}

function addStatement(
  text: string,
  { file, statement, byHand }: { file: string; statement: string; byHand: string },
): string {
  const imports = [...text.matchAll(IMPORTS)];
  const last = imports.at(-1);
  let edited: string;
  if (last) {
    const isPackage = (line: string) => !/['"]\./.test(line);
    const after = isPackage(statement) ? imports.findLast(([line]) => isPackage(line)) : last;
    const at = after ? after.index + after[0].length : imports[0]!.index;
    edited = `${text.slice(0, at)}${statement}\n${text.slice(at)}`;
  } else edited = `${statement}\n\n${text}`;
  return insertedOnly(file, [text, edited], { length: compact(file, statement, byHand).length, byHand });
}
