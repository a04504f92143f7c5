import type { core, ZodType } from 'zod';

import { own } from '../runtime/own.ts';
import { Problem } from './problem.ts';

/** The maximum number of validation errors in a request body that one response lists. Further errors are left out. */
const MAX_ERRORS = 500;

interface FieldError {
  readonly path: readonly PropertyKey[];
  readonly detail: string;
}

/**
 * Validates a request body against a schema. Throws a `Problem` that lists each invalid field by its JSON pointer (RFC
 * 6901).
 */
export function validateBody<T>(schema: ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue) => errorsOf(issue, schema));
  throw new Problem('invalid-body', body === undefined ? 'The request has no body.' : summary(errors, 'the body'), {
    members: { errors: errors.slice(0, MAX_ERRORS).map(({ path, detail }) => ({ pointer: pointer(path), detail })) },
  });
}

/** Validates path or query parameters against a schema. Throws a `Problem` that lists each invalid parameter. */
export function validateParameters<T>(schema: ZodType<T>, parameters: unknown, where: 'path' | 'query'): T {
  const parsed = schema.safeParse(parameters);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue) => errorsOf(issue, schema));
  throw new Problem('invalid-parameters', summary(errors, `the ${where}`), {
    members: { errors: errors.map(({ path, detail }) => ({ in: where, parameter: path.join('.'), detail })) },
  });
}

function errorsOf(issue: core.$ZodIssue, schema: ZodType): FieldError[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, detail: issue.message }];
  const known = knownNames(schema, issue.path);
  const detail =
    known.length > 0 ? `unknown field; known fields: ${known.join(', ')}` : 'unknown field; no fields are allowed';
  return issue.keys.map((key) => ({ path: [...issue.path, key], detail }));
}

interface Walked {
  readonly shape?: Readonly<Record<string, Walked>>;
  readonly def: { readonly innerType?: Walked; readonly in?: Walked; readonly element?: Walked };
}

function knownNames(schema: ZodType, path: readonly PropertyKey[]): string[] {
  let at: Walked | undefined = unwrapped(schema as unknown as Walked);
  for (const step of path) at = unwrapped(at?.shape ? own(at.shape, String(step)) : at?.def.element);
  return Object.keys(at?.shape ?? {});
}

function unwrapped(type: Walked | undefined): Walked | undefined {
  const inner = type?.def.innerType ?? type?.def.in;
  return inner ? unwrapped(inner) : type;
}

/** Returns the JSON pointer (RFC 6901) of a field. */
export const pointer = (path: readonly PropertyKey[]) =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const summary = (errors: readonly FieldError[], where: string) =>
  errorCount(errors.length, where, errors.length > MAX_ERRORS ? `; the first ${MAX_ERRORS} are listed` : '');

export const errorCount = (count: number, where: string, more = ''): string =>
  `${count} ${count === 1 ? 'error' : 'errors'} in ${where}${more}.`;
