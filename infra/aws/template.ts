export type Value = string | number | boolean | readonly Value[] | { readonly [name: string]: Value };

export interface Resource {
  readonly Type: string;
  readonly Properties?: { readonly [name: string]: Value };
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: 'Retain' | 'Delete';
  readonly UpdateReplacePolicy?: 'Retain' | 'Delete';
  readonly UpdatePolicy?: { readonly [name: string]: Value };
}

export type Resources = Readonly<Record<string, Resource>>;

export interface Template {
  Resources: Record<string, Resource>;
  Outputs?: Record<string, unknown>;
}

export const ref = (logicalId: string): Value => ({ Ref: logicalId });

export const attribute = (logicalId: string, name: string): Value => ({ 'Fn::GetAtt': [logicalId, name] });

export const sub = (text: string): Value => ({ 'Fn::Sub': text });

/** Returns the ARN of a resource in the account and region of the stack. */
export const arn = (service: string, resource: string): Value =>
  sub(`arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}`);

/** Converts a name to Pascal case: `list-dead-letters` becomes `ListDeadLetters`. */
export const pascalCase = (name: string): string =>
  name.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
