import type { Concern, Setting } from 'surehop';
import { explain, settingFault, settingFaults, settingNames } from 'surehop/settings';

/**
 * A value that a stage file can give to a setting of the service. In the environment variable of a function, a list
 * becomes text separated by commas.
 */
type SettingValue = string | number | boolean | readonly string[];

type Given = Readonly<Record<string, SettingValue | undefined>>;

/** The values that a stage file sets for the service's own settings, such as `{ MAX_STOCK: 1_000 }`. */
export type SettingValues<C> = C extends Concern<infer T> ? ValuesOf<T> : never;

type ValuesOf<T> = { readonly [Name in Exclude<keyof T, Optional<T>>]: ValueOf<T[Name]> } & {
  readonly [Name in Optional<T>]?: ValueOf<Exclude<T[Name], undefined>>;
};
type Optional<T> = { [Name in keyof T]: undefined extends T[Name] ? Name : never }[keyof T];
type ValueOf<T> = T extends SettingValue ? T : string;

/** Returns the service's own settings as environment variables for the functions. */
export const environmentOf = (given: Given): Record<string, string> =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );

/**
 * Checks the values that a stage gives to the service's own settings. Returns one sentence for each setting that is
 * wrong, missing or unknown.
 */
export function ownSettingFaults(own: Concern<unknown>, given: Given): string[] {
  const environment = environmentOf(given);
  const names = Object.keys(own.shape);
  const missing = names.filter((name) => !environment[name] && !canBeLeftOut(own.shape[name]!));
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  const examples = Object.fromEntries(missing.map((name) => [name, explain(own, name).example]));
  return [
    ...names.filter(isTaken).map((name) => `${name} cannot be a setting of the service: choose another name`),
    ...missing.map((name) => {
      const { must, example } = explain(own, name);
      return settingFault(name, `it is missing and must be ${must}`, example);
    }),
    ...unknown.map((name) => `${name} is unknown: infra/settings.ts defines ${names.join(', ') || 'no setting'}`),
    ...settingFaults(own, { ...environment, ...examples }),
  ];
}

function canBeLeftOut(setting: Setting<unknown>): boolean {
  const parsed = setting.safeParse(undefined);
  return parsed.success && parsed.data === undefined;
}

const isTaken = (name: string): boolean =>
  (settingNames as readonly string[]).includes(name) || !/^(?!AWS_|LAMBDA_)[A-Z][A-Z0-9_]*$/.test(name);
