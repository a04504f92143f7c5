/** The parts of a JSON schema (https://json-schema.org/draft/2020-12) that the form of the console supports. */
export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly description?: string;
}

/**
 * Returns the initial value of a form field or list item that the operator adds. The value has the type in the JSON
 * schema, and an object has all its required properties.
 */
export function emptyValue(schema: JsonSchema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, emptyValue(schema.properties?.[name] ?? {})]),
      );
    case 'array':
      return [];
    case 'integer':
    case 'number':
      return schema.minimum !== undefined && schema.minimum > 0 ? schema.minimum : 0;
    case 'boolean':
      return false;
    case 'null':
      return null;
    default:
      return '';
  }
}

export function withMember(object: unknown, name: string, value: unknown): Record<string, unknown> {
  const { [name]: _, ...others } = isObject(object) ? object : {};
  if (value === undefined) return others;
  // The member keeps its place.
  return isObject(object) && Object.hasOwn(object, name) ? { ...object, [name]: value } : { ...others, [name]: value };
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
