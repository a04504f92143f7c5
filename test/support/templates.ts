import type { Template, Value } from '../../infra/aws/template.ts';

export type Properties = Record<string, any>;

type Resource = Template['Resources'][string];

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: Value | Value[];
}

export const ofType = ({ Resources }: Template, type: string): [string, Resource][] =>
  Object.entries(Resources).filter(([, { Type }]) => Type === type);

export const properties = (resource: Resource | undefined): Properties => resource?.Properties ?? {};

export const dependencies = ({ DependsOn = [] }: Resource): string[] => [DependsOn].flat();

export const text = (value: unknown): string => JSON.stringify(value);

export const statementsOf = (role: Resource): Statement[] =>
  ((properties(role)['Policies'] ?? []) as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(
    ({ PolicyDocument }) => PolicyDocument.Statement,
  );

/** Whether a policy of an IAM role names an action and a resource. Wildcards are not evaluated. */
export const allows = (role: Resource, action: string, resource: Value): boolean =>
  statementsOf(role).some(
    ({ Effect, Action, Resource: resources }) =>
      Effect === 'Allow' &&
      [Action].flat().includes(action) &&
      [resources].flat().some((one) => text(one) === text(resource)),
  );

export function targetOf(value: Value): string {
  const found = /"(?:Fn::GetAtt":\["|Ref":")([^"]+)"/.exec(text(value));
  if (!found) throw new Error(`the template value ${text(value)} contains neither GetAtt nor Ref`);
  return found[1]!;
}

/** Whether a template value is the ARN of a Lambda function's alias `live`. */
export const isAlias = (value: Value): boolean =>
  /^\{"Fn::Join":\[":",\[\{"Fn::GetAtt":\["[^"]+","Arn"\]\},"live"\]\]\}$/.test(text(value));

export const roleOf = (template: Template, lambda: Resource): Resource =>
  template.Resources[targetOf(properties(lambda)['Role'] as Value)]!;

export interface Known {
  readonly refs?: Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, string>>;
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-central-1',
  'AWS::AccountId': '000000000000',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::StackName': 'stack',
};

/**
 * Evaluates the intrinsic functions of CloudFormation in a template value. Throws an error if a reference has no known
 * value.
 */
export function resolveValue(value: Value, known: Known): unknown {
  const lookUp = (name: string): string => {
    const found = known.refs?.[name] ?? PSEUDO[name];
    if (found === undefined)
      throw new Error(`a CloudFormation template refers to ${name}, but the test passes no value for this name`);
    return found;
  };
  const go = (one: Value): unknown => {
    if (Array.isArray(one)) return one.map((part: Value) => go(part));
    if (typeof one !== 'object') return one;
    // An intrinsic function is an object with one entry; the name is the type of the argument.
    const [[name, argument] = ['', '' as any]]: [string, any][] = Object.entries(one);
    switch (name) {
      case 'Ref':
        return lookUp(String(argument));
      case 'Fn::GetAtt':
        return lookUp((argument as string[]).join('.'));
      case 'Fn::Sub':
        return String(argument).replace(/\$\{([^}!]+)\}/g, (_, variable: string) => lookUp(variable));
      case 'Fn::Join': {
        const [separator, parts] = argument as [string, Value];
        return (go(parts) as string[]).join(separator);
      }
      case 'Fn::Split': {
        const [separator, text] = argument as [string, Value];
        return String(go(text)).split(separator);
      }
      case 'Fn::ImportValue': {
        const imported = known.imports?.[String(go(argument))];
        if (imported === undefined) throw new Error(`no stack exports a value with the name ${String(go(argument))}`);
        return imported;
      }
      default:
        return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, go(part)]));
    }
  };
  return go(value);
}

/** Yields an object and everything nested in it, each with its path. */
export function* walk(value: unknown, path: readonly string[] = []): Generator<readonly [object, readonly string[]]> {
  if (typeof value !== 'object' || value === null) return;
  yield [value, path];
  for (const [key, part] of Object.entries(value)) yield* walk(part, [...path, key]);
}
