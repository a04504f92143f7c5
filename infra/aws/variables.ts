import { readStage } from '../stages/read-stage.ts';
import type { Stage } from '../stages/stage.ts';
import { commonEnvironment } from './service/environment.ts';
import { emulatedEventSources, eventSources } from './service/event-sources.ts';
import { operatorsValue } from './service/operators.ts';

/** The service that both stacks belong to: what names begin with. */
export const SERVICE = 'surehop';

/** The laptop has the settings of dev, so that what is tried is what will be deployed. */
const LAPTOP_IS = 'dev';

type Source = (stageName: string, stage: Stage, address: string) => unknown;

/** `${settings:…}`, `${environment:}`, `${consumes:…}`, `${emulated:}` and `${operators:…}` in serverless.yml. */
const sources = {
  settings: (_, stage, address) => settingAt(stage, address),
  environment: (stageName, stage) => commonEnvironment(SERVICE, stageName, stage),
  consumes: (stageName, stage, address) => eventSources(address, stageName, stage),
  emulated: (_, stage) => emulatedEventSources(stage),
  operators: (stageName, stage, address) => operatorsValue(address, stageName, stage),
} as const satisfies Readonly<Record<string, Source>>;

export type SourceName = keyof typeof sources;

export const sourceNames = Object.keys(sources) as readonly SourceName[];

/** The settings that a stage has, or the laptop. */
const settingsOf = (stageName: string): Stage => readStage(stageName === 'local' ? LAPTOP_IS : stageName);

/** The value of `${source:address}` in serverless.yml; an error is one sentence that says what is wrong and where. */
export const resolveVariable = (
  source: SourceName,
  address: string,
  stageName: string,
  stage: Stage = settingsOf(stageName),
): unknown => sources[source](stageName, stage, address);

/** A value of the stage by its path, `functions.request.memoryMb`. */
function settingAt(stage: Stage, path: string): unknown {
  const value = path
    .split('.')
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], stage);
  if (value === undefined) throw new Error(`no setting "${path}": infra/stages/stage.ts has them all`);
  return value;
}
