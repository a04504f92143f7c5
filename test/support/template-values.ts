import type { Value } from '../../infra/aws/template.ts';

/** The values of references (`Id` for `Ref`, `Id.Attribute` for `GetAtt`) and of other stacks' exports. */
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

/** Evaluates the intrinsic functions in a template's value; throws if a reference is unknown. */
export function resolveValue(value: Value, known: Known): unknown {
  const look = (name: string): string => {
    const found = known.refs?.[name] ?? PSEUDO[name];
    if (found === undefined) throw new Error(`unknown reference: ${name}`);
    return found;
  };
  const go = (one: Value): unknown => {
    if (Array.isArray(one)) return one.map((part: Value) => go(part));
    if (typeof one !== 'object') return one;
    // An intrinsic function is an object with one entry; the name tells the type of the argument.
    const [[name, argument] = ['', '' as any]]: [string, any][] = Object.entries(one);
    switch (name) {
      case 'Ref':
        return look(String(argument));
      case 'Fn::GetAtt':
        return look((argument as string[]).join('.'));
      case 'Fn::Sub':
        return String(argument).replace(/\$\{([^}!]+)\}/g, (_, variable: string) => look(variable));
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
        if (imported === undefined) throw new Error(`no stack exports ${String(go(argument))}`);
        return imported;
      }
      default:
        return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, go(part)]));
    }
  };
  return go(value);
}

/** Yields a value's nested objects with their paths, the value itself first. */
export function* walk(value: unknown, path: readonly string[] = []): Generator<readonly [object, readonly string[]]> {
  if (typeof value !== 'object' || value === null) return;
  yield [value, path];
  for (const [key, part] of Object.entries(value)) yield* walk(part, [...path, key]);
}
