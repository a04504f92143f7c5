import type { Resource, Template } from '../template.ts';
import { knownTypes, refersToReplaced, type ResourceChange } from './compare.ts';
import type { Templates } from './templates.ts';

interface Step {
  readonly before: Templates;
  readonly after: Templates;
  readonly changes: Readonly<Record<keyof Templates, readonly ResourceChange[]>>;
}

/** Returns the reasons why CloudFormation or another AWS service would reject a change of a stage. */
export function conflictsOf({ before, after, changes }: Step): string[] {
  return [
    ...takenNames(before.broker, after.broker, changes.broker),
    ...takenNames(before.functions, after.functions, changes.functions),
    ...frozenEventSources(after.functions, changes.functions),
    ...lockedExports(before, after, changes.broker),
  ];
}

function takenNames(before: Template, after: Template, changes: readonly ResourceChange[]): string[] {
  const leaving = changes.filter(({ effect }) => effect === 'deleted' || effect === 'replaced');
  const coming = changes.filter(({ effect }) => effect === 'created' || effect === 'replaced');
  return coming.flatMap(({ id, type }) => {
    // Lambda numbers function versions itself, so they never conflict.
    if (type === 'AWS::Lambda::Version') return [];
    const identity = identityOf(after.Resources[id]!);
    const holder = leaving.find(
      (one) => one.type === type && identity && identityOf(before.Resources[one.id]!) === identity,
    );
    return holder
      ? [`${id} would have the same identity as ${holder.id}, which still exists at that time: ${identity}`]
      : [];
  });
}

function identityOf({ Type, Properties = {} }: Resource): string | undefined {
  const paths = (knownTypes[Type]?.always ?? []).filter((path) => !path.includes('.') && path in Properties);
  const names = paths.filter((path) => path.endsWith('Name') && !/^(Function|Application|Service)Name$/.test(path));
  const identity = names.length > 0 ? names : paths;
  return identity.length > 0 ? JSON.stringify(identity.map((path) => Properties[path])) : undefined;
}

function frozenEventSources(after: Template, changes: readonly ResourceChange[]): string[] {
  return changes.flatMap(({ id, type, effect }) => {
    if (type !== 'AWS::Lambda::EventSourceMapping' || effect !== 'updated') return [];
    const configurations = after.Resources[id]!.Properties?.['SourceAccessConfigurations'];
    return JSON.stringify(configurations ?? []).includes('"VIRTUAL_HOST"')
      ? [`${id} cannot be updated: it names a virtual host, which Lambda accepts only when an event source is created`]
      : [];
  });
}

function lockedExports(before: Templates, after: Templates, changes: readonly ResourceChange[]): string[] {
  const byId = new Map(changes.map((change) => [change.id, change]));
  const [deployed, wanted] = [exportsOf(before.broker), exportsOf(after.broker)];
  const missing = importsOf(after.functions)
    .filter((name) => !wanted.has(name))
    .map((name) => `nothing exports ${name}`);
  const locked = importsOf(before.functions).flatMap((name) => {
    if (!wanted.has(name)) return [`the export ${name} would be removed while the functions import it`];
    const value = wanted.get(name);
    return JSON.stringify(value) !== JSON.stringify(deployed.get(name)) || refersToReplaced(value, byId)
      ? [`the export ${name} would change while the functions import it`]
      : [];
  });
  return [...missing, ...locked];
}

/**
 * The names of the CloudFormation exports that each template imports. The names are cached, because `effectsOf`
 * compares each template with many other templates.
 */
const imports = new WeakMap<Template, readonly string[]>();

function importsOf(template: Template): readonly string[] {
  const known = imports.get(template);
  if (known) return known;
  const found = JSON.stringify(template.Resources).matchAll(/"Fn::ImportValue":"([^"]+)"/g);
  const names = [...new Set([...found].map(([, name]) => name!))];
  imports.set(template, names);
  return names;
}

function exportsOf({ Outputs = {} }: Template): Map<string, unknown> {
  const outputs = Object.values(Outputs) as { Value: unknown; Export?: { Name: string } }[];
  return new Map(outputs.flatMap(({ Value, Export }) => (Export ? [[Export.Name, Value]] : [])));
}
