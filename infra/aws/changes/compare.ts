import { isDeepStrictEqual } from 'node:util';

import type { Resource, Template } from '../template.ts';
import { createOnly } from './create-only.ts';

/** What CloudFormation does to one resource when a new template replaces the deployed one. */
export interface ResourceChange {
  readonly id: string;
  readonly type: string;
  readonly effect: 'created' | 'deleted' | 'updated' | 'replaced';
  /**
   * The paths of the resource's changed properties. For a replaced resource, only the properties that make the
   * replacement necessary are listed.
   */
  readonly properties: readonly string[];
}

interface CreateOnly {
  /** The properties of a resource type that CloudFormation cannot change without replacing the resource. */
  readonly always: readonly string[];
  /**
   * The properties of a resource type whose change makes CloudFormation replace the resource in some cases. The
   * function `compareTemplates` expects a replacement in every case.
   */
  readonly sometimes?: readonly string[];
}

export const knownTypes: Readonly<Record<string, CreateOnly>> = createOnly;

function createOnlyOf(type: string): readonly string[] {
  if (type.startsWith('Custom::')) return ['ServiceToken'];
  const { always = [], sometimes = [] } = knownTypes[type] ?? {};
  return [...always, ...sometimes];
}

/**
 * Returns the changes that CloudFormation makes when the template `after` replaces the deployed template `before`. The
 * changes include resources that CloudFormation replaces only because they refer to another replaced resource.
 */
export function compareTemplates(before: Template, after: Template): ResourceChange[] {
  const changes = new Map<string, ResourceChange>();
  const ids = new Set([...Object.keys(before.Resources), ...Object.keys(after.Resources)]);
  for (const id of ids) {
    const change = changeOf(id, before.Resources[id], after.Resources[id]);
    if (change) changes.set(id, change);
  }
  // A replaced resource gets a new id, which changes every property that refers to the resource.
  let isComplete = ![...changes.values()].some(({ effect }) => effect === 'replaced');
  while (!isComplete) {
    isComplete = true;
    for (const [id, resource] of Object.entries(after.Resources)) {
      const known = changes.get(id)?.effect;
      if (known === 'created' || known === 'replaced') continue;
      const properties = createOnlyOf(resource.Type).filter((path) =>
        valuesAt(resource.Properties, path.split('.')).some((value) => refersToReplaced(value, changes)),
      );
      if (properties.length === 0) continue;
      changes.set(id, { id, type: resource.Type, effect: 'replaced', properties });
      isComplete = false;
    }
  }
  return [...changes.values()];
}

function changeOf(id: string, before: Resource | undefined, after: Resource | undefined): ResourceChange | undefined {
  if (!before) return { id, type: after!.Type, effect: 'created', properties: [] };
  if (!after) return { id, type: before.Type, effect: 'deleted', properties: [] };
  if (textOf(before) === textOf(after)) return undefined;
  const { Type: type } = after;
  if (before.Type !== type) return { id, type, effect: 'replaced', properties: ['Type'] };
  const changed = [...new Set(differences(before.Properties ?? {}, after.Properties ?? {}))];
  if (changed.length === 0) return undefined;
  const causes = changed.filter((path) => createOnlyOf(type).some((one) => overlap(one, path)));
  return causes.length > 0
    ? { id, type, effect: 'replaced', properties: causes }
    : { id, type, effect: 'updated', properties: changed };
}

/**
 * A cache of the JSON of each resource. A template is compared with many other templates, so each of its resources
 * would otherwise be serialized many times.
 */
const texts = new WeakMap<Resource, string>();

function textOf(resource: Resource): string {
  const known = texts.get(resource);
  if (known !== undefined) return known;
  const text = JSON.stringify(resource);
  texts.set(resource, text);
  return text;
}

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null;

function differences(one: unknown, other: unknown, path: readonly string[] = []): string[] {
  if (isDeepStrictEqual(one, other)) return [];
  if (!isTree(one) || !isTree(other) || Array.isArray(one) !== Array.isArray(other)) return [path.join('.')];
  if (Array.isArray(one) && one.length !== (other as unknown[]).length) return [path.join('.')];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].flatMap((key) => {
    // If an intrinsic function such as `Fn::Sub` has changed, the property that contains the function has changed.
    if (/^(Ref|Fn::.*)$/.test(key)) return [path.join('.')];
    const parts = [one, other].map((part) => (part as Record<string, unknown>)[key]);
    return differences(parts[0], parts[1], [...path, Array.isArray(one) ? '*' : key]);
  });
}

function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')];
  return a.slice(0, b.length).every((part, index) => part === b[index]);
}

function valuesAt(value: unknown, [first, ...rest]: readonly string[]): unknown[] {
  if (first === undefined) return [value];
  if (!isTree(value)) return [];
  if (first === '*') return Object.values(value).flatMap((part) => valuesAt(part, rest));
  return first in value ? valuesAt((value as Record<string, unknown>)[first], rest) : [];
}

export function refersToReplaced(value: unknown, changes: ReadonlyMap<string, ResourceChange>): boolean {
  return referencesOf(value).some((id) => changes.get(id)?.effect === 'replaced');
}

export function referencesOf(value: unknown): string[] {
  if (!isTree(value)) return [];
  return Object.entries(value).flatMap(([name, argument]: [string, unknown]) => {
    if (name === 'Ref') return [String(argument)];
    if (name === 'Fn::GetAtt') return [String(Array.isArray(argument) ? argument[0] : argument).split('.')[0]!];
    if (name !== 'Fn::Sub') return referencesOf(argument);
    const [text, values = {}] = [argument].flat() as [string, object?];
    const named = [...text.matchAll(/\$\{([^}!]+)\}/g)].map(([, variable = '']) => variable.split('.')[0]!);
    return [...named.filter((variable) => !(variable in values)), ...referencesOf(values)];
  });
}
