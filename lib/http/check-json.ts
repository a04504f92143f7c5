import { Problem } from './problem.ts';

/** Far more than any request needs. */
const MAX_DEPTH = 16;
const MAX_MEMBERS = 2_000;
const MAX_STRING_LENGTH = 10_000;

/** Names by which JavaScript's own objects could be changed. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** The parts of valid JSON. */
const TOKENS = /[{}[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+/g;

/** An object or array that is not closed yet: the names so far, or the place. */
interface Open {
  readonly names?: Set<string>;
  at: string | number;
}

/**
 * Throws the problem of JSON that is valid but means different things to different readers, or costs too much to look at:
 * too deep, too many parts, texts too long or no Unicode, numbers that do not fit, names twice or forbidden.
 */
export function checkJson(text: string): void {
  const open: Open[] = [];
  let members = 0;
  let name: string | undefined;

  const fault = (detail: string) => {
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
      if (FORBIDDEN_NAMES.has(name!)) throw fault('unknown field');
      if (inner!.names!.has(name!)) throw fault('is there twice');
      inner!.names!.add(name!);
    } else {
      if (++members > MAX_MEMBERS) throw tooComplex(`${MAX_MEMBERS} names and values`);
      if (token.startsWith('"')) {
        name = JSON.parse(token) as string;
        if (name.length > MAX_STRING_LENGTH) throw fault(`must have at most ${MAX_STRING_LENGTH} characters`);
        if (/\p{Surrogate}/u.test(name)) throw fault('must be Unicode text: half of a surrogate pair is none');
      } else if (/^[-\d]/.test(token) && !fits(token)) throw fault('must be a number that fits a double without loss');
    }
  }
}

const tooComplex = (limit: string) => new Problem('json-too-complex', `The body has more than ${limit}.`);

/** Whether the number is the one that was written. */
function fits(literal: string): boolean {
  const value = Number(literal);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) return false;
  const [mantissa = ''] = literal.replace(/^-/, '').split(/e/i);
  const digits = mantissa.replace('.', '').replace(/^0+|0+$/g, '');
  return digits.length <= 17 && (value !== 0 || digits === '');
}
