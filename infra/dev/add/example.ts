import * as z from 'zod';

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly format?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

const FORMATS: Readonly<Record<string, string>> = {
  uuid: '0b8f9a52-6f0e-4b39-9c0e-2f6d1f1f7a10',
  'date-time': '2026-01-01T12:00:00Z',
  date: '2026-01-01',
  email: 'ada@example.com',
  uri: 'https://example.com',
};

/**
 * Returns an example of a value that matches a schema. Returns undefined if the generated example does not match, for
 * example because the schema contains a regular expression.
 */
export function exampleFor(schema: z.ZodType): unknown {
  const example = draftFor(schema);
  try {
    return schema.safeParse(example).success ? example : undefined;
  } catch {
    // A schema with an asynchronous check cannot be used here.
    return undefined;
  }
}

/**
 * Generates a value of the type that a schema describes. The value may violate a pattern or a custom check in the
 * schema. `formats` contains an example for each string format.
 */
export function draftFor(schema: z.ZodType, formats: Readonly<Record<string, string>> = {}): unknown {
  try {
    const jsonSchema = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
    return build(jsonSchema, { ...FORMATS, ...formats });
  } catch {
    return undefined;
  }
}

/**
 * Returns whether values that match the schema can have the property `name`. If the schema does not define its
 * properties, returns true.
 */
export function hasProperty(schema: z.ZodType, name: string): boolean {
  try {
    return allows(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as Schema, name);
  } catch {
    return true;
  }
}

function allows({ anyOf, oneOf, allOf, type, properties = {}, additionalProperties }: Schema, name: string): boolean {
  const choices = anyOf ?? oneOf;
  if (choices) return choices.every((one) => allows(one, name));
  if (allOf) return allOf.some((one) => allows(one, name));
  if (type !== 'object') return type === undefined;
  return Object.hasOwn(properties, name) || additionalProperties !== false;
}

function build(schema: Schema, formats: Readonly<Record<string, string>>): unknown {
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return build(schema.anyOf[0]!, formats);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, build(schema.properties![name]!, formats)]),
      );
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => build(schema.items!, formats));
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1, (schema.exclusiveMinimum ?? 0) + 1);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return formats[schema.format ?? ''] ?? 'one'.padEnd(schema.minLength ?? 0, '-');
  }
}

/** Writes a value as a TypeScript expression. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replaceAll(/['\\]/g, '\\$&')}'`;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([name, item]) => `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name)}: ${literal(item)}`,
    );
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return String(value);
}

export function objectLiteral(head: string, value: object, indent: number): string {
  const line = `${head}${literal(value)}`;
  if (line.length + indent + 1 <= 120 || Array.isArray(value)) return line;
  const space = ' '.repeat(indent);
  const properties = Object.entries(value).map((entry) => literal(Object.fromEntries([entry])).slice(2, -2));
  return `${head}{\n${properties.map((property) => `${space}  ${property},\n`).join('')}${space}}`;
}
