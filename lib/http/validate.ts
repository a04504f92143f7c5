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
  const faults = parsed.error.issues.flatMap(faultsOf);
  throw new Problem('invalid-body', summary(faults, body === undefined ? 'the request has no body' : 'the body'), {
    members: { errors: faults.slice(0, MAX_FAULTS).map(({ path, detail }) => ({ pointer: pointer(path), detail })) },
  });
}

/** Path or query parameters as their schema has them; throws the problem that names every one at fault. */
export function validateParameters<T>(schema: ZodType<T>, parameters: unknown, where: 'path' | 'query'): T {
  const parsed = schema.safeParse(parameters);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap(faultsOf);
  throw new Problem('invalid-parameters', summary(faults, `the ${where}`), {
    members: { errors: faults.map(({ path, detail }) => ({ in: where, parameter: path.join('.'), detail })) },
  });
}

/** A member that nobody asked for is a fault of its own. */
const faultsOf = (issue: core.$ZodIssue): Fault[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: [...issue.path, key], detail: 'not a known field' }))
    : [{ path: issue.path, detail: issue.message }];

const pointer = (path: readonly PropertyKey[]) =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const summary = (faults: readonly Fault[], where: string) =>
  `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'} in ${where}${
    faults.length > MAX_FAULTS ? `, of which the first ${MAX_FAULTS} are named` : ''
  }.`;
