import type * as z from 'zod';

import { own } from '../runtime/own.ts';
import type { When } from './conditions.ts';
import type { Add, Append, Check, Delete, Item, Put, Set as SetAttributes } from './effects.ts';
import { InvalidValue, requireKeyText, type Value } from './value.ts';

/** The DynamoDB types of the key attributes: the partition key and, if there is one, the sort key. */
export type KeyTypes = Readonly<Record<string, 'S' | 'N'>>;

/** The options with which a table is defined. */
export interface TableOptions<K extends KeyTypes, S extends z.ZodObject | undefined> {
  /** The name of the table, without the deployment's prefix. */
  readonly name: string;
  /** The partition key of the table, followed by the sort key if there is one: `{ shopId: 'S', placedAt: 'N' }`. */
  readonly key: K;
  /**
   * The schema of the table's items without the key, which validates all items that are written or read. Without a
   * schema, every attribute is allowed.
   */
  readonly item?: S;
  /** The global secondary indexes of the table, by name. Each index contains all attributes of the items. */
  readonly indexes?: Readonly<Record<string, KeyTypes>>;
  /** Whether DynamoDB deletes each item after the time in its attribute `expiresAt`, in seconds since the epoch. */
  readonly expires?: boolean;
}

/** The primary key of an item of a table. */
export type KeyOf<K extends KeyTypes> = { readonly [A in keyof K]: K[A] extends 'N' ? number : string };
type Written<S> = S extends z.ZodObject ? z.input<S> : { readonly [attribute: string]: Value | undefined };

/** The TypeScript type of an item that was read from a table. */
export type ItemOf<K extends KeyTypes, S> = KeyOf<K> &
  (S extends z.ZodObject ? z.output<S> : { readonly [attribute: string]: Value | undefined });

type Attributes<I, Type> = { [A in keyof I]-?: Extract<I[A], Type> extends never ? never : A }[keyof I] & string;
type Appended<I> = { readonly [A in Attributes<I, readonly unknown[] | ReadonlySet<any>>]?: Exclude<I[A], undefined> };

interface Options<S> {
  /**
   * A condition that the stored item must meet before the decision is committed. If the condition fails, the decision
   * in `otherwise` is tried instead.
   */
  readonly when?: When<Written<S>>;
}

/**
 * A DynamoDB table. Its methods create the effects that a business rule returns or that `writeItem` writes; the methods
 * themselves write nothing.
 */
export class Table<K extends KeyTypes = KeyTypes, S extends z.ZodObject | undefined = undefined> {
  readonly name: string;
  readonly key: K;
  readonly indexes: Readonly<Record<string, KeyTypes>>;
  readonly expires: boolean;
  readonly #schema: S | undefined;

  constructor({ name, key, item, indexes = {}, expires = false }: TableOptions<K, S>) {
    this.name = name;
    this.key = key;
    this.indexes = indexes;
    this.expires = expires;
    this.#schema = item;
  }

  /**
   * Adds a whole number to an attribute; a missing item or attribute counts as 0. With `atLeast`, the sum must be at
   * least this number.
   */
  add(
    key: KeyOf<K>,
    attribute: Attributes<Written<S>, number>,
    by: number,
    options: Options<S> & { readonly atLeast?: number } = {},
  ): Add {
    return { kind: 'add', table: this, key, attribute, by, ...options };
  }

  /** Writes a whole item. An item with the same key is replaced. */
  put(key: KeyOf<K>, item: Written<S>, options: Options<S> = {}): Put {
    return { kind: 'put', table: this, key, item: item as Item, ...options };
  }

  /** Sets some attributes of an item, and removes those that are `undefined`. Creates the item if it is missing. */
  set(key: KeyOf<K>, attributes: Partial<Written<S>>, options: Options<S> = {}): SetAttributes {
    return { kind: 'set', table: this, key, attributes: attributes as Item, ...options };
  }

  /** Appends arrays to lists, and adds the members of a `Set` to sets. Creates a missing list, set or item. */
  append(key: KeyOf<K>, attributes: Appended<Written<S>>, options: Options<S> = {}): Append {
    return { kind: 'append', table: this, key, attributes: attributes as Item, ...options };
  }

  /** Deletes an item. Deleting a missing item changes nothing. */
  delete(key: KeyOf<K>, options: Options<S> = {}): Delete {
    return { kind: 'delete', table: this, key, ...options };
  }

  /**
   * Returns an effect that checks an item and writes nothing. The other effects of the business rule are committed only
   * if the condition `when` holds for the item.
   */
  check(key: KeyOf<K>, when: When<Written<S>>): Check {
    return { kind: 'check', table: this, key, when };
  }

  /**
   * Validates an item that was read, and returns the item with the types of the table's schema. Throws an
   * `InvalidValue` if the item does not match the schema.
   */
  parse(item: Readonly<Record<string, unknown>>): ItemOf<K, S> {
    if (this.#schema === undefined) return item as ItemOf<K, S>;
    const parsed = this.#schema.safeParse(item);
    if (!parsed.success) throw mismatch('', parsed.error);
    const key = Object.fromEntries(Object.keys(this.key).map((name) => [name, item[name]]));
    return { ...parsed.data, ...key } as ItemOf<K, S>;
  }

  validate(attributes: Item, isWhole: boolean): void {
    for (const name in attributes) {
      for (const type of this.#indexTypes(name)) {
        const value = attributes[name];
        if (value !== undefined && typeof value !== (type === 'S' ? 'string' : 'number'))
          throw new InvalidValue(
            name,
            `must be a ${type === 'S' ? 'string' : 'number'}, because it is the key of an index`,
          );
      }
    }
    for (const key of Object.values(this.indexes))
      for (const [position, name] of Object.keys(key).entries()) {
        const value = own(attributes, name);
        if (typeof value === 'string') requireKeyText(name, value, position);
      }
    if (this.#schema === undefined) return;
    for (const name in attributes) {
      const schema = this.requireAttribute(name);
      const parsed = isWhole ? undefined : schema?.safeParse(attributes[name]);
      if (parsed?.success === false) throw mismatch(name, parsed.error);
    }
    if (!isWhole) return;
    const parsed = this.#schema.safeParse(attributes);
    if (!parsed.success) throw mismatch('', parsed.error);
  }

  requireAttribute(name: string): z.ZodType | undefined {
    if (this.#schema === undefined) return undefined;
    const { shape, def } = this.#schema;
    const schema = own(shape, name) ?? def.catchall;
    if (schema === undefined) throw new InvalidValue(name, `is not in the schema of the table ${this.name}`);
    return schema as z.ZodType;
  }

  #indexTypes(attribute: string): string[] {
    return Object.values(this.indexes).flatMap((key) => own(key, attribute) ?? []);
  }
}

export type AnyTable = Table<any, any>;

function mismatch(attribute: string, { issues }: z.ZodError): InvalidValue {
  const [{ path, message } = { path: [], message: 'is invalid' }] = issues;
  const inside = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return new InvalidValue((attribute + inside).replace(/^\./, ''), `does not match the schema: ${message}`);
}

const defined = new Set<string>();
const toolkitNames = new Set<string>();

/**
 * Defines a DynamoDB table, which deployments and `npm start` create: `defineTable({ name: 'invoices', key: { id: 'S'
 * }, item: z.object({ paid: z.int() }) })`. Throws an error if Surehop itself has a table with this name.
 */
export function defineTable<const K extends KeyTypes, S extends z.ZodObject | undefined = undefined>(
  options: TableOptions<K, S>,
): Table<K, S> {
  if (toolkitNames.has(options.name))
    throw new Error(`the table name "${options.name}" belongs to Surehop: choose another name`);
  defined.add(options.name);
  return new Table(options);
}

/** Defines a table of Surehop itself, whose name a service cannot use. */
export function defineToolkitTable<const K extends KeyTypes>(options: TableOptions<K, undefined>): Table<K> {
  toolkitNames.add(options.name);
  defined.add(options.name);
  return new Table(options);
}

/** Returns the names of the tables that the code defines but that are not deployed. */
export const undeployedTables = (deployed: readonly string[]): string[] =>
  [...defined].filter((name) => !deployed.includes(name));
