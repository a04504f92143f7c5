import type { settings } from '../settings.ts';
import { dev } from './dev.ts';
import type { StageFile } from './stage.ts';

/**
 * The stage of `npm start`, which has the settings of the stage dev, except for the number of log lines and the
 * service's own settings.
 */
export const local: StageFile<typeof settings> = {
  ...dev,
  completedLinesPerBatch: 10,
  settings: { MAX_STOCK: 1_000_000_000 },
};
