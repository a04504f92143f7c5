import { UsageError } from '../commands/command.ts';

interface Range {
  readonly start: number;
  readonly end: number;
}

function* code(text: string, start: number): Generator<number> {
  for (let at = start; at < text.length; at += 1) {
    const char = text[at]!;
    if (text.startsWith('//', at)) at = endOf(text, '\n', at) - 1;
    else if (text.startsWith('/*', at)) at = endOf(text, '*/', at);
    else {
      yield at;
      if (`'"\``.includes(char)) {
        for (at += 1; at < text.length && text[at] !== char; at += 1) if (text[at] === '\\') at += 1;
        yield at;
      }
    }
  }
}

const endOf = (text: string, mark: string, from: number): number => {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length - 1;
};

function objectOf(text: string, constant: string, file: string): Range & { readonly lastCode: number } {
  const head = new RegExp(`export const ${constant}\\b[^={]*=\\s*\\{`).exec(text);
  if (!head)
    throw new UsageError(
      `surehop add cannot edit ${file}, which does not contain "export const ${constant} = {": edit the file by hand`,
    );
  const start = head.index + head[0].length;
  let depth = 1;
  let lastCode = start - 1;
  for (const at of code(text, start)) {
    if ('{[('.includes(text[at]!)) depth += 1;
    if ('}])'.includes(text[at]!)) depth -= 1;
    if (depth === 0) return { start, end: at, lastCode };
    if (text[at]!.trim() !== '') lastCode = at;
  }
  throw new UsageError(
    `surehop add cannot edit ${file}, because the braces after "export const ${constant}" do not match: correct them`,
  );
}

/** Adds a property to the object literal of an exported constant, unless the object already has the property. */
export function addProperty(
  text: string,
  { file, constant, name, value }: { file: string; constant: string; name: string; value: string },
): string {
  const { start, end, lastCode } = objectOf(text, constant, file);
  if (hasProperty(text, { start, end }, name)) return text;
  const property = `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`}: ${value},`;
  const inner = text.slice(start, end);
  const isOneLine = !inner.includes('\n');
  if (isOneLine) {
    const before = inner.trim().replace(/,$/, '');
    return `${text.slice(0, start)}\n${before && `  ${before},\n`}  ${indented(property)}\n${text.slice(end)}`;
  }
  const comma = text[lastCode] === ',' || lastCode < start ? '' : ',';
  const kept = text.slice(0, lastCode + 1) + comma + text.slice(lastCode + 1, end).trimEnd();
  return `${kept}\n  ${indented(property)}\n${text.slice(end)}`;
}

const indented = (lines: string): string => lines.replaceAll('\n', '\n  ');

function hasProperty(text: string, { start, end }: Range, name: string): boolean {
  let depth = 0;
  for (const at of code(text, start)) {
    if (at >= end) return false;
    if (depth === 0 && new RegExp(`^['"]?${name}['"]?\\s*:`).test(text.slice(at)) && /[\s{,]/.test(text[at - 1]!))
      return true;
    if ('{[('.includes(text[at]!)) depth += 1;
    if ('}])'.includes(text[at]!)) depth -= 1;
  }
  return false;
}

/** Adds the import of a name from a module, unless the file imports the name already. */
export function addImport(text: string, name: string, module: string): string {
  const escaped = module.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  const existing = new RegExp(`import (type )?\\{([^}]*)\\} from '${escaped}';`).exec(text);
  if (existing && !existing[1]) {
    const names = existing[2]!.split(',').map((one) => one.trim());
    if (names.includes(name)) return text;
    const all = [...names.filter(Boolean), name].toSorted((one, other) => bare(one).localeCompare(bare(other)));
    return text.replace(existing[0], `import { ${all.join(', ')} } from '${module}';`);
  }
  return addStatement(text, `import { ${name} } from '${module}';`);
}

/** Adds `import * as z from 'zod';`, unless the file imports zod already. */
export const addZod = (text: string): string =>
  /from 'zod';/.test(text) ? text : addStatement(text, `import * as z from 'zod';`);

const bare = (name: string): string => name.replace(/^type /, '').toLowerCase();

function addStatement(text: string, statement: string): string {
  const imports = [...text.matchAll(/^import [^;]*;\n/gm)];
  const last = imports.at(-1);
  if (!last) return `${statement}\n\n${text}`;
  const isPackage = (line: string) => !/from '\./.test(line);
  const after = isPackage(statement) ? imports.findLast(([line]) => isPackage(line)) : last;
  const at = after ? after.index + after[0].length : imports[0]!.index;
  return `${text.slice(0, at)}${statement}\n${text.slice(at)}`;
}
