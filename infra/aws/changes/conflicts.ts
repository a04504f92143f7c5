import type { Resource, Template } from '../template.ts';
import { knownTypes, refersToReplaced, type Change } from './compare.ts';
import type { Templates } from './templates.ts';

/** A stage as it is deployed and as it is wanted. */
interface Step {
  readonly before: Templates;
  readonly after: Templates;
  readonly changes: Readonly<Record<keyof Templates, readonly Change[]>>;
}

/** Why CloudFormation, or the service behind a resource, would fail to make this change. */
export function conflictsOf({ before, after, changes }: Step): string[] {
  return [
    ...takenNames(before.broker, after.broker, changes.broker),
    ...takenNames(before.functions, after.functions, changes.functions),
    ...frozenEventSources(after.functions, changes.functions),
    ...lockedExports(before, after, changes.broker),
  ];
}

/** CloudFormation makes the new resource before it deletes the old one: both with the same name cannot be. */
function takenNames(before: Template, after: Template, changes: readonly Change[]): string[] {
  const leaving = changes.filter(({ effect }) => effect === 'deleted' || effect === 'replaced');
  const coming = changes.filter(({ effect }) => effect === 'created' || effect === 'replaced');
  return coming.flatMap(({ id, type }) => {
    // Lambda numbers the versions of a function.
    if (type === 'AWS::Lambda::Version') return [];
    const identity = identityOf(after.Resources[id]!);
    const holder = leaving.find(
      (one) => one.type === type && identity && identityOf(before.Resources[one.id]!) === identity,
    );
    return holder ? [`${id} would take the identity of ${holder.id} while that still exists: ${identity}`] : [];
  });
}

/** What tells a resource from others of its type: its name where the template gives one, or else all that it is made with for ever. */
function identityOf({ Type, Properties = {} }: Resource): string | undefined {
  const paths = (knownTypes[Type]?.always ?? []).filter((path) => !path.includes('.') && path in Properties);
  const names = paths.filter((path) => path.endsWith('Name') && !/^(Function|Application|Service)Name$/.test(path));
  const identity = names.length > 0 ? names : paths;
  return identity.length > 0 ? JSON.stringify(identity.map((path) => Properties[path])) : undefined;
}

/**
 * Lambda takes no `VIRTUAL_HOST` in an update of an event source, and CloudFormation sends all of the properties
 * (https://docs.aws.amazon.com/lambda/latest/api/API_SourceAccessConfiguration.html).
 */
function frozenEventSources(after: Template, changes: readonly Change[]): string[] {
  return changes.flatMap(({ id, type, effect }) => {
    if (type !== 'AWS::Lambda::EventSourceMapping' || effect !== 'updated') return [];
    const configurations = after.Resources[id]!.Properties?.['SourceAccessConfigurations'];
    return JSON.stringify(configurations).includes('"VIRTUAL_HOST"')
      ? [`${id} cannot be updated: it names its virtual host, which Lambda takes only when an event source is made`]
      : [];
  });
}

/** An export can neither change nor go while the deployed functions import it, and the broker's stack is deployed first. */
function lockedExports(before: Templates, after: Templates, changes: readonly Change[]): string[] {
  const byId = new Map(changes.map((change) => [change.id, change]));
  const imports = (template: Template) => [
    ...new Set(
      [...JSON.stringify(template.Resources).matchAll(/"Fn::ImportValue":"([^"]+)"/g)].map(([, name]) => name!),
    ),
  ];
  const [deployed, wanted] = [exportsOf(before.broker), exportsOf(after.broker)];
  const missing = imports(after.functions)
    .filter((name) => !wanted.has(name))
    .map((name) => `nothing exports ${name}`);
  const locked = imports(before.functions).flatMap((name) => {
    if (!wanted.has(name)) return [`the export ${name} would go while the functions import it`];
    const value = wanted.get(name);
    return JSON.stringify(value) !== JSON.stringify(deployed.get(name)) || refersToReplaced(value, byId)
      ? [`the export ${name} would change while the functions import it`]
      : [];
  });
  return [...missing, ...locked];
}

function exportsOf({ Outputs = {} }: Template): Map<string, unknown> {
  const outputs = Object.values(Outputs) as { Value: unknown; Export?: { Name: string } }[];
  return new Map(outputs.flatMap(({ Value, Export }) => (Export ? [[Export.Name, Value]] : [])));
}
