import { referencesOf } from '../../infra/aws/changes/compare.ts';
import type { Templates } from '../../infra/aws/changes/templates.ts';
import type { Resource, Template } from '../../infra/aws/template.ts';
import { dependencies, walk } from './templates.ts';

export interface StackOrder {
  readonly all: readonly string[];
  readonly resource: (name: string) => Resource;
  ofType(type: string): string[];
  /** Whether CloudFormation creates the resource `later` only after the resource `earlier`. */
  follows(later: string, earlier: string): boolean;
  /** The resources that depend on each other in a cycle. The list is empty if there is no such cycle. */
  readonly circle: readonly string[];
}

type Stack = keyof Templates;

export function stackOrder(templates: Templates): StackOrder {
  const needs = new Map<string, Set<string>>();
  const resources = new Map<string, Resource>();
  for (const stack of ['broker', 'functions'] as const)
    for (const [id, resource] of Object.entries(templates[stack].Resources)) {
      resources.set(`${stack}/${id}`, resource);
      needs.set(
        `${stack}/${id}`,
        new Set([...within(stack, templates[stack], resource), ...imports(templates, resource)]),
      );
    }
  const reached = new Map<string, ReadonlySet<string>>();
  const reach = (name: string): ReadonlySet<string> => {
    const known = reached.get(name);
    if (known) return known;
    const found = new Set<string>();
    const open = [...(needs.get(name) ?? [])];
    for (let next = open.pop(); next !== undefined; next = open.pop())
      if (!found.has(next)) {
        found.add(next);
        open.push(...(needs.get(next) ?? []));
      }
    reached.set(name, found);
    return found;
  };
  const all = [...resources.keys()];
  return {
    all,
    resource: (name) => {
      const found = resources.get(name);
      if (!found)
        throw new Error(
          `neither the template of the broker stack nor that of the functions stack contains the resource ${name}`,
        );
      return found;
    },
    ofType: (type) => all.filter((name) => resources.get(name)!.Type === type),
    follows(later, earlier) {
      for (const name of [later, earlier])
        if (!resources.has(name))
          throw new Error(
            `neither the template of the broker stack nor that of the functions stack contains the resource ${name}`,
          );
      return reach(later).has(earlier);
    },
    circle: all.filter((name) => reach(name).has(name)),
  };
}

const within = (stack: Stack, { Resources }: Template, resource: Resource): string[] =>
  [...dependencies(resource), ...referencesOf(resource.Properties)]
    .filter((id) => id in Resources)
    .map((id) => `${stack}/${id}`);

/** Lists the resources of the broker stack from which the given resource imports values, such as an ARN. */
function imports({ broker }: Templates, resource: Resource): string[] {
  const outputs = Object.values(broker.Outputs ?? {}) as { Value: unknown; Export?: { Name: string } }[];
  return [...walk(resource.Properties)].flatMap(([value]) => {
    if (!('Fn::ImportValue' in value)) return [];
    const name = value['Fn::ImportValue'];
    const output = outputs.find(({ Export }) => Export?.Name === name);
    if (!output) throw new Error(`the broker stack exports no value with the name ${String(name)}`);
    return referencesOf(output.Value).map((id) => `broker/${id}`);
  });
}
