import type { Concern } from 'surehop';

import { settings } from '../settings.ts';
import { local, stages } from './all.ts';
import { ownSettingFaults } from './own-settings.ts';
import { stageSchema, type Stage } from './stage.ts';

/** Returns the validated settings of the stage that `npm start` runs. */
export function readLocalStage(): Stage {
  for (const name of Object.keys(stages)) readStage(name);
  return readStage('local', { local });
}

/** Returns the validated settings of the stage `name`. Throws one error that names every wrong or missing setting. */
export function readStage(
  name: string,
  all: Readonly<Record<string, unknown>> = stages,
  own: Concern<unknown> = settings,
): Stage {
  const knownStages = Object.keys(all).join(', ');
  if (!Object.hasOwn(all, name))
    throw new Error(
      `unknown stage "${name}": deploy one of ${knownStages}, or add infra/stages/${name}.ts and list it in infra/stages/all.ts ("local" exists only for npm start)`,
    );
  const parsed = stageSchema.safeParse(all[name]);
  const faults = parsed.success
    ? ownSettingFaults(own, parsed.data.settings).map((fault) => `settings: ${fault}`)
    : parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the stage'}: ${message}`);
  if (parsed.success && faults.length === 0) return parsed.data;
  const explanations = faults.join('; ');
  throw new Error(`wrong settings in infra/stages/${name}.ts: ${explanations}`);
}
