import * as z from 'zod';

import { stageSchema, type Stage } from '../../stages/stage.ts';

/** A part of the JSON schema of a stage. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const addresses = [[], ['one@example.com'], ['one@example.com', 'two@example.com'], ['two@example.com']];

/** Sample values of the settings whose schema does not list any. */
const samples: Readonly<Record<string, readonly unknown[]>> = {
  'broker.maintenance.timeUtc': ['00:00', '12:30', '23:59'],
  'http.corsOrigins': [
    [],
    ['https://one.example'],
    ['https://one.example', 'https://two.example'],
    ['https://two.example'],
  ],
  'operators.issuer': ['https://one.example', 'https://two.example'],
  'operators.audience': ['one', 'two'],
  'eventSource.concurrency': [1, 2, 4, 1_000],
  'retention.inboxCompleteSince': ['2026-11-22T03:00:00Z', '2026-11-23T03:00:00Z'],
  'alarms.emails.critical': addresses,
  'alarms.emails.warning': addresses,
};

/** A setting and its sample values: all values of an enumeration, or the smallest and the largest number. */
export interface Setting {
  /** The path of the setting, such as `broker.instanceType`. */
  readonly path: string;
  readonly values: readonly unknown[];
}

/** Every setting of a stage. A setting whose value can be an object or a plain value counts as one setting. */
export const settings = (): Setting[] => leaves(z.toJSONSchema(stageSchema) as Schema);

function leaves({ properties }: Schema, prefix = ''): Setting[] {
  return Object.entries(properties ?? {}).flatMap(([name, part]): Setting[] => {
    const path = prefix + name;
    return part.properties ? leaves(part, `${path}.`) : [{ path, values: valuesOf(part, path) }];
  });
}

function valuesOf(schema: Schema, path: string): unknown[] {
  const found = samples[path] ?? schema.enum;
  if (found) return [...found];
  if (schema.const !== undefined) return [schema.const];
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) return alternatives.flatMap((part) => valuesOf(part, path));
  if (schema.properties) return objects(schema.properties, path);
  const { minimum, maximum } = schema;
  if (minimum === undefined || maximum === undefined)
    throw new Error(`neither infra/aws/changes/settings.ts nor the schema lists values of ${path}`);
  return [minimum, maximum];
}

/** Objects that together contain every value of each property, with the first value of the other properties. */
function objects(properties: Readonly<Record<string, Schema>>, path: string): unknown[] {
  const values = Object.entries(properties).map(([name, part]) => [name, valuesOf(part, `${path}.${name}`)] as const);
  const first = Object.fromEntries(values.map(([name, [one]]) => [name, one]));
  return [first, ...values.flatMap(([name, [, ...others]]) => others.map((value) => ({ ...first, [name]: value })))];
}

/** The value of a setting in a stage. */
export const valueAt = (stage: Stage, path: string): unknown =>
  path.split('.').reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], stage);

/** A copy of a stage with another value of one setting. */
export function withSetting(stage: Stage, path: string, value: unknown): Stage {
  const copy = structuredClone(stage) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop()!;
  const parent = names.reduce((part, name) => part[name] as Record<string, unknown>, copy);
  parent[last] = value;
  return copy as Stage;
}
