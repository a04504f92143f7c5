import { defineSettings, wholeNumber } from '../runtime/settings.ts';

export const archiveSettings = defineSettings({
  ARCHIVE_RETENTION_DAYS: wholeNumber('days for which a dead letter is kept', 90, 1, 3_650),
});
