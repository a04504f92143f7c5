import type { core, ZodType } from 'zod';

import { Problem } from './problem.ts';

/** Faults that one answer names at most. */
const MAX_FAULTS = 500;

/** Where a value is wrong, as a path of names and places, and how. */
interface Fault {
  readonly path: readonly PropertyKey[];
  readonly detail: string;
}

/** The body as its schema has it; throws the problem that names every field at fault by its JSON pointer (RFC 6901). */
export function validateBody<T>(schema: ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, schema));
  throw new Problem('invalid-body', summary(faults, body === undefined ? 'the request has no body' : 'the body'), {
    members: { errors: faults.slice(0, MAX_FAULTS).map(({ path, detail }) => ({ pointer: pointer(path), detail })) },
  });
}

/** Path or query parameters as their schema has them; throws the problem that names every one at fault. */
export function validateParameters<T>(schema: ZodType<T>, parameters: unknown, where: 'path' | 'query'): T {
  const parsed = schema.safeParse(parameters);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, schema));
  throw new Problem('invalid-parameters', summary(faults, `the ${where}`), {
    members: { errors: faults.map(({ path, detail }) => ({ in: where, parameter: path.join('.'), detail })) },
  });
}

/** A member that nobody asked for is a fault of its own, which names those that are known. */
function faultsOf(issue: core.$ZodIssue, schema: ZodType): Fault[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, detail: issue.message }];
  const known = knownNames(schema, issue.path);
  const detail = known.length > 0 ? `not a known field; known are ${known.join(', ')}` : 'not a known field; none is';
  return issue.keys.map((key) => ({ path: [...issue.path, key], detail }));
}

/** What stands in the definitions of Zod's types, as far as they are walked through here. */
interface Walked {
  readonly shape?: Readonly<Record<PropertyKey, Walked>>;
  readonly def: { readonly innerType?: Walked; readonly in?: Walked; readonly element?: Walked };
}

/** The names of an object's members; `path` leads to the object. */
function knownNames(schema: ZodType, path: readonly PropertyKey[]): string[] {
  let at: Walked | undefined = unwrapped(schema as unknown as Walked);
  for (const step of path) at = unwrapped(at?.shape ? at.shape[step] : at?.def.element);
  return Object.keys(at?.shape ?? {});
}

/** Without what is around it: a default, a transformation. */
function unwrapped(type: Walked | undefined): Walked | undefined {
  const inner = type?.def.innerType ?? type?.def.in;
  return inner ? unwrapped(inner) : type;
}

const pointer = (path: readonly PropertyKey[]) =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const summary = (faults: readonly Fault[], where: string) =>
  faultsIn(faults.length, where, faults.length > MAX_FAULTS ? `, of which the first ${MAX_FAULTS} are named` : '');

/** How many faults there are, as the detail of a problem. */
export const faultsIn = (count: number, where: string, more = ''): string =>
  `${count} ${count === 1 ? 'fault' : 'faults'} in ${where}${more}.`;
