declare const isTable: unique symbol;

/** A table's name without its prefix, as `defineTables` gives it: a misspelt one does not compile. */
export type Table = string & { readonly [isTable]: true };

const defined = new Set<string>();

/** Names the tables of a service, once: `export const tables = defineTables('stock', 'points')`. */
export function defineTables<const Name extends string>(...names: readonly Name[]): Readonly<Record<Name, Table>> {
  for (const name of names) defined.add(name);
  return Object.freeze(Object.fromEntries(names.map((name) => [name, name])) as unknown as Record<Name, Table>);
}

/** The tables that the code defines and the deployment does not have. */
export const undeployedTables = (deployed: readonly string[]): string[] =>
  [...defined].filter((name) => !deployed.includes(name));
