import { defineSettings, matching, setting, url } from '../runtime/settings.ts';
import type { TableAccess } from './table-access.ts';

function readAccess(text: string): TableAccess | undefined {
  try {
    const access = JSON.parse(text) as Partial<TableAccess> | null;
    return typeof access?.function === 'string' && typeof access.tables === 'object' && access.tables
      ? { function: access.function, isConsumer: access.isConsumer === true, tables: access.tables }
      : undefined;
  } catch {
    return undefined;
  }
}

export const storeSettings = defineSettings({
  TABLE_PREFIX: setting(matching(/^[A-Za-z0-9_.-]{0,100}$/), 'surehop-local-', {
    description: 'prefix of every table name',
    must: 'letters, digits, "_", "." and "-", at most 100, as DynamoDB allows them in the name of a table',
    example: 'surehop-local-',
  }),
  DEPLOYED_TABLES: setting(
    (names) => (/^[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*$/.test(names) ? names.split(',') : undefined),
    undefined,
    {
      description: 'the tables that are deployed, without their prefix',
      must: 'table names separated by commas',
      example: 'inbox,invoices',
    },
  ),
  TABLE_ACCESS: setting(readAccess, undefined, {
    description: 'what the role of the function would allow on AWS; only set in the stage `local`',
    must: 'JSON with the name of the function and the DynamoDB actions by table',
    example: '{"function":"get-order","tables":{"orders":["GetItem"]}}',
  }),
  DYNAMODB_ENDPOINT: url(/^https?$/, {
    description: "a DynamoDB other than the region's own",
    must: 'a URL like http://127.0.0.1:8000',
    example: 'http://127.0.0.1:8000',
  }),
});
