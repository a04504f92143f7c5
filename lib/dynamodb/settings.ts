import * as z from 'zod';

import { defineSettings, url, type Explanation } from '../runtime/settings.ts';

/** The settings that determine which DynamoDB endpoint and which tables the service uses. */
export const storeSettings = defineSettings({
  TABLE_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{0,100}$/)
    .default('surehop-local-')
    .meta({
      description: 'prefix of every table name',
      must: 'letters, digits, "_", "." and "-", at most 100, as DynamoDB allows them in the name of a table',
      example: 'surehop-local-',
    } satisfies Explanation),
  DEPLOYED_TABLES: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*$/)
    .transform((names) => names.split(','))
    .optional()
    .meta({
      description: 'the tables that are deployed, without their prefix',
      must: 'table names separated by commas',
      example: 'inbox,invoices',
    } satisfies Explanation),
  DYNAMODB_ENDPOINT: url(/^https?$/, {
    description: "a DynamoDB other than the region's own",
    must: 'a URL like http://127.0.0.1:8000',
    example: 'http://127.0.0.1:8000',
  }),
});
