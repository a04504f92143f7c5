import { defineSettings, matching, setting, url } from '../runtime/settings.ts';

/** The settings that determine which DynamoDB endpoint and which tables the service uses. */
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
  DYNAMODB_ENDPOINT: url(/^https?$/, {
    description: "a DynamoDB other than the region's own",
    must: 'a URL like http://127.0.0.1:8000',
    example: 'http://127.0.0.1:8000',
  }),
});
