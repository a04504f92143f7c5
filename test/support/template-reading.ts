import type { Template, Value } from '../../infra/aws/template.ts';

/** The properties of a resource. The tests say what they expect in them. */
export type Properties = Record<string, any>;

type Resource = Template['Resources'][string];

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: Value | Value[];
}

/** The resources of a type, with their logical ids. */
export const ofType = ({ Resources }: Template, type: string): [string, Resource][] =>
  Object.entries(Resources).filter(([, { Type }]) => Type === type);

export const properties = (resource: Resource | undefined): Properties => resource?.Properties ?? {};

export const dependencies = ({ DependsOn = [] }: Resource): string[] => [DependsOn].flat();

export const text = (value: unknown): string => JSON.stringify(value);

/** What a role's own policies say. */
export const statementsOf = (role: Resource): Statement[] =>
  ((properties(role)['Policies'] ?? []) as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(
    ({ PolicyDocument }) => PolicyDocument.Statement,
  );

/** Whether a role allows `action`, on `resource` as the template writes it. */
export const allows = (role: Resource, action: string, resource: Value): boolean =>
  statementsOf(role).some(
    ({ Effect, Action, Resource: resources }) =>
      Effect === 'Allow' &&
      [Action].flat().includes(action) &&
      [resources].flat().some((one) => text(one) === text(resource)),
  );

/** The logical id in a `GetAtt` or `Ref`, also within a joined ARN. */
export function targetOf(value: Value): string {
  const found = /"(?:Fn::GetAtt":\["|Ref":")([^"]+)"/.exec(text(value));
  if (!found) throw new Error(`${text(value)} names no resource`);
  return found[1]!;
}

/** Whether a value is the ARN of a function's alias `live`. */
export const isAlias = (value: Value): boolean =>
  /^\{"Fn::Join":\[":",\[\{"Fn::GetAtt":\["[^"]+","Arn"\]\},"live"\]\]\}$/.test(text(value));

export const roleOf = (template: Template, lambda: Resource): Resource =>
  template.Resources[targetOf(properties(lambda)['Role'] as Value)]!;
