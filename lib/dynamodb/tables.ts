declare const isTable: unique symbol;

/**
 * The name of a table without the deployment's prefix. Only `defineTables` returns values of this type, and therefore a
 * misspelt table name does not compile.
 */
export type Table = string & { readonly [isTable]: true };

const defined = new Set<string>();

/** Defines the tables of a service: `export const tables = defineTables('invoices', 'payments')`. */
export function defineTables<const Name extends string>(...names: readonly Name[]): Readonly<Record<Name, Table>> {
  for (const name of names) defined.add(name);
  return Object.freeze(Object.fromEntries(names.map((name) => [name, name])) as unknown as Record<Name, Table>);
}

/** Returns the tables that the code defines but that are not deployed. */
export const undeployedTables = (deployed: readonly string[]): string[] =>
  [...defined].filter((name) => !deployed.includes(name));
