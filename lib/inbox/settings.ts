import * as z from 'zod';

import { defineSettings, wholeNumber, type Explanation } from '../runtime/settings.ts';

export const inboxSettings = defineSettings({
  INBOX_RETENTION_DAYS: wholeNumber('days for which the marker of a finished message is kept', 14, 1, 365),
  INBOX_COMPLETE_SINCE: z.iso
    .datetime()
    .optional()
    .meta({
      description: 'time since which no marker is missing; set it after the inbox table was restored',
      must: 'a time in UTC (ISO 8601)',
      example: '2026-11-22T12:00:00Z',
    } satisfies Explanation),
});

export type InboxSettings = NonNullable<(typeof inboxSettings)['type']>;
