import { readFileSync } from 'node:fs';

import { parse } from 'yaml';

const TEMPLATE = new URL('./foundation/tables.yml', import.meta.url);

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Properties: { readonly TableName: string } }>>;
}

/** The names of the tables that are deployed, without their prefix. */
export function tableNames(): string[] {
  const { Resources } = parse(readFileSync(TEMPLATE, 'utf8')) as Template;
  return Object.values(Resources).map(({ Properties }) => Properties.TableName.replace(/^\$\{.*\}/, ''));
}
