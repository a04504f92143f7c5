import { consumerSettings } from './consumer/settings.ts';
import { archiveSettings } from './archive/settings.ts';
import { storeSettings } from './dynamodb/settings.ts';
import { signingSettings, tokenSettings } from './http/auth/settings.ts';
import { httpSettings } from './http/settings.ts';
import { inboxSettings } from './inbox/settings.ts';
import { alarmSettings } from './operations/alarm-settings.ts';
import { consoleSettings } from './operations/console-settings.ts';
import { brokerSettings } from './rabbitmq/settings.ts';
import { tracingSettings } from './tracing/settings.ts';
import { serviceSettings } from './runtime/service-settings.ts';
import {
  explain,
  readSettings,
  settingFault,
  settingFaults,
  type Concern,
  type Environment,
  type Explanation,
} from './runtime/settings.ts';

export { explain, settingFault, settingFaults };

/** The settings of all parts of the toolkit, for tools that check or document every setting. */
const concerns = [
  serviceSettings,
  storeSettings,
  brokerSettings,
  httpSettings,
  signingSettings,
  tokenSettings,
  consoleSettings,
  consumerSettings,
  inboxSettings,
  archiveSettings,
  alarmSettings,
  tracingSettings,
] as const;

type Values<C> = C extends Concern<infer T> ? (x: T) => void : never;
export type AllSettings = Values<(typeof concerns)[number]> extends (x: infer All) => void ? All : never;
export type SettingName = keyof AllSettings;

export const settingNames = [...new Set(concerns.flatMap(({ shape }) => Object.keys(shape)))] as readonly SettingName[];

/** Returns the explanation of a setting for documentation and error messages. */
export const explainSetting = (name: SettingName): Explanation =>
  explain(
    concerns.find(({ shape }) => name in shape)!,
    name,
  );

/** Returns one sentence for each wrong setting in the environment. */
export const allSettingFaults = (environment: Environment): string[] => [
  ...new Set(concerns.flatMap((concern) => settingFaults(concern, environment))),
];

/** Reads all settings from the environment. Throws a `SettingsError` if a setting is wrong. */
export const readAllSettings = (environment: Environment): AllSettings =>
  Object.assign({}, ...concerns.map((concern) => readSettings<object>(concern, environment)));
