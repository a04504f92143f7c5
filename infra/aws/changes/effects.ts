import { conflictsOf } from './conflicts.ts';
import { compareTemplates, type ResourceChange } from './compare.ts';
import { refusals } from './refuse.ts';
import { settings, valueAt, withSetting } from './settings.ts';
import { templatesOf, type Templates } from './templates.ts';
import type { Stage } from '../../stages/stage.ts';

/** The effect of changing one setting of a deployed stage. */
export interface Effect {
  readonly stage: string;
  readonly setting: string;
  readonly from: unknown;
  readonly to: unknown;
  /**
   * The reasons why the packaging plugin refuses to deploy the stage with the new value of the setting. A refused
   * deployment changes nothing in AWS.
   */
  readonly refused: readonly string[];
  readonly changes: readonly ResourceChange[];
  /**
   * The reasons why CloudFormation or another AWS service would reject a deployment of the stage with the new value of
   * the setting.
   */
  readonly conflicts: readonly string[];
}

export interface Unfit {
  readonly stage: string;
  readonly setting: string;
  readonly value: unknown;
  readonly reason: string;
}

/**
 * Determines the effect of changing each setting of a stage. Each setting is changed alone, from each of its sample
 * values to every other sample value.
 */
export async function effectsOf(stageName: string, stage: Stage): Promise<{ effects: Effect[]; unfit: Unfit[] }> {
  const effects: Effect[] = [];
  const unfit: Unfit[] = [];
  const made = new Map<string, Promise<Templates>>();
  const templates = (settingsOfCase: Stage) => {
    const key = JSON.stringify(settingsOfCase);
    const known = made.get(key) ?? templatesOf(stageName, settingsOfCase);
    made.set(key, known);
    return known;
  };
  for (const { path, values } of settings()) {
    const distinct = new Map([valueAt(stage, path), ...values].map((value) => [JSON.stringify(value), value]));
    const fit: { value: unknown; made: Templates }[] = [];
    for (const value of distinct.values()) {
      try {
        fit.push({ value, made: await templates(withSetting(stage, path, value)) });
      } catch (error) {
        unfit.push({ stage: stageName, setting: path, value, reason: (error as Error).message });
      }
    }
    for (const before of fit)
      for (const after of fit) {
        if (before === after) continue;
        const changes = {
          broker: compareTemplates(before.made.broker, after.made.broker),
          functions: compareTemplates(before.made.functions, after.made.functions),
        };
        effects.push({
          stage: stageName,
          setting: settingOf(path, before.value, after.value),
          from: before.value,
          to: after.value,
          refused: [
            ...refusals(before.made.broker, after.made.broker, changes.broker),
            ...refusals(before.made.functions, after.made.functions, changes.functions),
          ],
          changes: [...changes.broker, ...changes.functions],
          conflicts: conflictsOf({ before: before.made, after: after.made, changes }),
        });
      }
  }
  return { effects, unfit };
}

function settingOf(path: string, from: unknown, to: unknown): string {
  if ([from, to].some((value) => typeof value !== 'object' || value === null || Array.isArray(value))) return path;
  const [one, other] = [from, to] as [Record<string, unknown>, Record<string, unknown>];
  const changed = Object.keys({ ...one, ...other }).find((name) => one[name] !== other[name]);
  return `${path}.${changed}`;
}
