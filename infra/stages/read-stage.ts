import { dev } from './dev.ts';
import { prod } from './prod.ts';
import { stageSchema, type Stage } from './stage.ts';
import { staging } from './staging.ts';

/** The settings of all stages that can be deployed, by the name of the stage. */
export const stages: Readonly<Record<string, unknown>> = { dev, staging, prod };

/** Returns the validated settings of the stage `name`. Throws one error that names every wrong or missing setting. */
export function readStage(name: string, all: Readonly<Record<string, unknown>> = stages): Stage {
  if (!Object.hasOwn(all, name))
    throw new Error(
      `unknown stage "${name}": deploy one of ${Object.keys(all).join(', ')}, or add infra/stages/${name}.ts ("local" exists only for npm start)`,
    );
  const parsed = stageSchema.safeParse(all[name]);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the stage'}: ${message}`);
  throw new Error(`wrong settings in infra/stages/${name}.ts: ${faults.join('; ')}`);
}
