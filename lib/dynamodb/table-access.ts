import { own } from '../runtime/own.ts';
import { effectActions } from './effects.ts';

/** The access to DynamoDB tables that serverless.yml grants to the role of a function. */
export interface TableAccess {
  readonly function: string;
  readonly isConsumer: boolean;
  /** The allowed DynamoDB actions by table or `table/index`, without the deployment's prefix. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
}

export interface RequestInput {
  readonly TableName?: string;
  readonly IndexName?: string;
  readonly RequestItems?: object;
  readonly TransactItems?: readonly Readonly<Record<string, { readonly TableName?: string } | undefined>>[];
}

/** Throws an error if the role of the function would not allow the DynamoDB request on AWS. */
export type CheckAccess = (operation: string, input: RequestInput) => void;

/**
 * Returns a function that checks DynamoDB requests against the permissions of the function in serverless.yml. Only the
 * stage `local` needs it, because the local DynamoDB checks no permissions. Returns `undefined` if the setting
 * TABLE_ACCESS is not set.
 */
export const accessCheck = ({
  TABLE_ACCESS: access,
  TABLE_PREFIX: prefix,
}: {
  readonly TABLE_ACCESS?: TableAccess;
  readonly TABLE_PREFIX: string;
}): CheckAccess | undefined =>
  access &&
  ((operation, input) => {
    for (const { table, index, action } of neededActions(operation, input)) {
      const resource = `${table.startsWith(prefix) ? table.slice(prefix.length) : table}${index ? `/${index}` : ''}`;
      if (!own(access.tables, resource)?.includes(action)) throw denied(access, table, resource, action);
    }
  });

function neededActions(action: string, { TableName, IndexName, RequestItems = {}, TransactItems }: RequestInput) {
  if (TransactItems)
    return TransactItems.flatMap((item) =>
      Object.entries(item).flatMap(([part, on]) =>
        on ? [{ table: on.TableName ?? '', index: undefined, action: `${part}Item` }] : [],
      ),
    );
  const tables = [...(TableName === undefined ? [] : [TableName]), ...Object.keys(RequestItems)];
  return tables.map((table) => ({ table, index: IndexName, action }));
}

/** Creates an error with the name and the wording of DynamoDB's own error for a missing permission. */
function denied({ function: name, isConsumer, tables }: TableAccess, table: string, resource: string, action: string) {
  const isForEffects =
    isConsumer && !Object.hasOwn(tables, resource) && (effectActions as readonly string[]).includes(action);
  const line = isForEffects ? `effects: [${resource}]` : `tables: { ${resource}: [${action}] }`;
  return Object.assign(
    new Error(
      `not authorized to perform: dynamodb:${action} on resource: table/${table} because the access of ${name} in serverless.yml does not allow it: add ${line}`,
    ),
    { name: 'AccessDeniedException' },
  );
}
