import type { Template, Value } from '../../infra/aws/template.ts';

/** A resource's properties, which the tests examine without types. */
export type Properties = Record<string, any>;

type Resource = Template['Resources'][string];

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: Value | Value[];
}

/** The resources of a type with their logical ids. */
export const ofType = ({ Resources }: Template, type: string): [string, Resource][] =>
  Object.entries(Resources).filter(([, { Type }]) => Type === type);

export const properties = (resource: Resource | undefined): Properties => resource?.Properties ?? {};

export const dependencies = ({ DependsOn = [] }: Resource): string[] => [DependsOn].flat();

export const text = (value: unknown): string => JSON.stringify(value);

/** The statements of a role's inline policies. */
export const statementsOf = (role: Resource): Statement[] =>
  ((properties(role)['Policies'] ?? []) as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(
    ({ PolicyDocument }) => PolicyDocument.Statement,
  );

/** Whether a role allows an action on a resource, which is compared with the text in the template. */
export const allows = (role: Resource, action: string, resource: Value): boolean =>
  statementsOf(role).some(
    ({ Effect, Action, Resource: resources }) =>
      Effect === 'Allow' &&
      [Action].flat().includes(action) &&
      [resources].flat().some((one) => text(one) === text(resource)),
  );

/** The logical id of the resource that a `GetAtt`, a `Ref` or a joined ARN refers to. */
export function targetOf(value: Value): string {
  const found = /"(?:Fn::GetAtt":\["|Ref":")([^"]+)"/.exec(text(value));
  if (!found) throw new Error(`${text(value)} names no resource`);
  return found[1]!;
}

/** Whether a value is the ARN of the alias `live` of a function. */
export const isAlias = (value: Value): boolean =>
  /^\{"Fn::Join":\[":",\[\{"Fn::GetAtt":\["[^"]+","Arn"\]\},"live"\]\]\}$/.test(text(value));

export const roleOf = (template: Template, lambda: Resource): Resource =>
  template.Resources[targetOf(properties(lambda)['Role'] as Value)]!;
