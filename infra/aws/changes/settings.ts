import * as z from 'zod';

import { explain } from 'surehop/settings';

import { settings as ownSettings } from '../../settings.ts';
import { stageSchema, type Stage } from '../../stages/stage.ts';

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

/** Sample values for settings whose possible values cannot be derived from the schema. */
const samples: Readonly<Record<string, readonly unknown[]>> = {
  outcomeLogLevels: [{ completed: 'INFO' }, { completed: 'DEBUG' }],
  'broker.maintenance.timeUtc': ['00:00', '12:30', '23:59'],
  'http.corsOrigins': [
    [],
    ['https://one.example'],
    ['https://one.example', 'https://two.example'],
    ['https://two.example'],
  ],
  'operators.issuer': ['https://one.example', 'https://two.example'],
  'operators.audience': ['one', 'two'],
  'operators.consoleClient': ['one', 'two'],
  'operators.loginOrigins': [[], ['https://one.example'], ['https://two.example']],
  'eventSource.concurrency': [1, 2, 4, 1_000],
  'tracing.endpoint': ['http://localhost:4318', 'https://traces.example.com'],
  'tracing.collectorLayer': ['arn:aws:lambda:eu-central-1:123456789012:layer:collector:1'],
  'retention.inboxCompleteSince': ['2026-11-22T03:00:00Z', '2026-11-23T03:00:00Z'],
  'alarms.emails.critical': addresses,
  'alarms.emails.warning': addresses,
};

/**
 * A setting of a stage, with sample values: all values of an enumeration, or the smallest and the largest allowed
 * number.
 */
export interface Setting {
  /** The path of the setting, such as `broker.instanceType`. */
  readonly path: string;
  readonly values: readonly unknown[];
}

/** Returns every setting of a stage. A setting that accepts either an object or a plain value counts as one setting. */
export const settings = (): Setting[] => [
  ...leaves(z.toJSONSchema(stageSchema.omit({ settings: true })) as Schema),
  ...Object.keys(ownSettings.shape).map((name) => ({ path: `settings.${name}`, values: ownValues(name) })),
];

function ownValues(name: string): readonly unknown[] {
  const { bounds, example } = explain(ownSettings, name);
  return bounds ?? [example];
}

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
    throw new Error(`no sample values for the setting ${path}: add them in infra/aws/changes/settings.ts`);
  return [minimum, maximum];
}

function objects(properties: Readonly<Record<string, Schema>>, path: string): unknown[] {
  const values = Object.entries(properties).map(([name, part]) => [name, valuesOf(part, `${path}.${name}`)] as const);
  const first = Object.fromEntries(values.map(([name, [one]]) => [name, one]));
  return [first, ...values.flatMap(([name, [, ...others]]) => others.map((value) => ({ ...first, [name]: value })))];
}

export const valueAt = (stage: Stage, path: string): unknown =>
  path.split('.').reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], stage);

export function withSetting(stage: Stage, path: string, value: unknown): Stage {
  const copy = structuredClone(stage) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop()!;
  const parent = names.reduce((part, name) => part[name] as Record<string, unknown>, copy);
  parent[last] = value;
  return copy as Stage;
}
