import type { settings } from '../settings.ts';
import { dev } from './dev.ts';
import type { StageFile } from './stage.ts';

/** The stage of `npm start`. The stage `local` overrides two settings of the stage `dev`. */
export const local: StageFile<typeof settings> = {
  ...dev,
  completedLinesPerBatch: 10,
  settings: { MAX_STOCK: 1_000_000_000 },
};
