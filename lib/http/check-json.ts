import { Problem } from './problem.ts';

const MAX_DEPTH = 16;
const MAX_MEMBERS = 2_000;
const MAX_STRING_LENGTH = 10_000;

/** The field names that a request must not contain, because such fields could change JavaScript's built-in objects. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const TOKENS = /[{}[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+/g;

interface Open {
  readonly names?: Set<string>;
  at: string | number;
}

/**
 * Throws a `Problem` (an error response as in RFC 9457) if valid JSON contains anything that parsers interpret
 * differently or that is expensive to process, for example duplicate field names or deep nesting.
 */
export function checkJson(text: string, maxStringLength = MAX_STRING_LENGTH): void {
  const open: Open[] = [];
  let members = 0;
  let name: string | undefined;

  const invalid = (detail: string) => {
    const pointer = open.map(({ at }) => `/${String(at).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    return new Problem('invalid-body', '1 error in the body.', { members: { errors: [{ pointer, detail }] } });
  };

  for (const [token] of text.matchAll(TOKENS)) {
    const inner = open.at(-1);
    if (token === '{' || token === '[') {
      if (open.length === MAX_DEPTH) throw tooComplex(`${MAX_DEPTH} levels`);
      open.push(token === '{' ? { names: new Set(), at: '' } : { at: 0 });
    } else if (token === '}' || token === ']') open.pop();
    else if (token === ',') {
      if (inner && !inner.names) (inner.at as number) += 1;
    } else if (token === ':') {
      inner!.at = name!;
      if (FORBIDDEN_NAMES.has(name!)) throw invalid('unknown field');
      if (inner!.names!.has(name!)) throw invalid('duplicate field');
      inner!.names!.add(name!);
    } else {
      if (++members > MAX_MEMBERS) throw tooComplex(`${MAX_MEMBERS} names and values`);
      if (token.startsWith('"')) {
        name = JSON.parse(token) as string;
        if (name.length > maxStringLength) throw invalid(`must have at most ${maxStringLength} characters`);
        if (/\p{Surrogate}/u.test(name)) throw invalid('must not contain a lone surrogate');
      } else if (/^[-\d]/.test(token) && !fits(token))
        throw invalid('must be a number that a double represents exactly');
    }
  }
}

const tooComplex = (limit: string) => new Problem('json-too-complex', `The body has more than ${limit}.`);

/** Whether a JavaScript number represents the JSON number without losing a digit. */
function fits(literal: string): boolean {
  const value = Number(literal);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) return false;
  const [mantissa = ''] = literal.replace(/^-/, '').split(/e/i);
  const digits = mantissa.replace('.', '').replace(/^0+|0+$/g, '');
  return digits.length <= 17 && (value !== 0 || digits === '');
}
