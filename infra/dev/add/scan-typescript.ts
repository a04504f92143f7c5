/** A range of positions in a text, from `start` to the position before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Yields the offset of each character of code in a TypeScript file. Skips comments. Of a string, a template or a
 * regular expression, only the first and the last character count as code.
 */
export function* codeIn(text: string, { start, end }: Range): Generator<number> {
  for (let at = start; at < end; at += 1) {
    const last = tokenEnd(text, at);
    const isComment = last > at && /^\/[/*]/.test(text.slice(at, at + 2));
    if (!isComment) yield at;
    if (!isComment && last > at) yield last;
    at = last;
  }
}

/** Returns the position of the bracket that closes the innermost bracket open at `start`, or undefined if none does. */
export function closingBracket(text: string, start: number): number | undefined {
  let depth = 1;
  for (const at of codeIn(text, { start, end: text.length })) {
    if ('{[('.includes(text[at]!)) depth += 1;
    if ('}])'.includes(text[at]!)) depth -= 1;
    if (depth === 0) return at;
  }
  return undefined;
}

/**
 * Returns the index of the last character of the comment, string, template or regular expression that begins at `at`.
 * Returns `at` if none begins there.
 */
function tokenEnd(text: string, at: number): number {
  const char = text[at]!;
  if (text.startsWith('//', at)) return endOf(text, '\n', at) - 1;
  if (text.startsWith('/*', at)) return endOf(text, '*/', at + 2);
  if (char === "'" || char === '"') return quoteEnd(text, at);
  if (char === '`') return templateEnd(text, at);
  return char === '/' && canBeginExpression(text, at) ? regExpEnd(text, at) : at;
}

const endOf = (text: string, mark: string, from: number): number => {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length - 1;
};

function quoteEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === text[start]) return at;
  }
  return text.length;
}

function templateEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '`') return at;
    else if (text.startsWith('${', at)) at = closingBracket(text, at + 2) ?? text.length;
  }
  return text.length;
}

/** Returns whether the slash at the index `at` begins a regular expression, and is not a division operator. */
const canBeginExpression = (text: string, at: number): boolean =>
  /(^|[(,=:[!&|?{};+\-*%~^<>]|\b(return|typeof|case|in|of|void|delete))$/.test(
    text.slice(Math.max(0, at - 200), at).trimEnd(),
  );

function regExpEnd(text: string, start: number): number {
  let isInClass = false;
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '[') isInClass = true;
    else if (text[at] === ']') isInClass = false;
    else if (text[at] === '/' && !isInClass) return at;
  }
  return start;
}
