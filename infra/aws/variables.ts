import { service as declared } from '../service.ts';
import { readLocalStage, readStage } from '../stages/read-stage.ts';
import type { Stage } from '../stages/stage.ts';
import { commonEnvironment } from './service/environment.ts';
import { emulatedEventSources, eventSources } from './service/event-sources.ts';
import { operatorsValue } from './service/operators.ts';

export { readLocalStage };

/** The name of the service. The names of all resources of the service begin with this name. */
export const SERVICE = declared.name;

type Source = (stageName: string, stage: Stage, address: string) => unknown;

/**
 * Resolvers of the variables `${settings:…}`, `${environment:}`, `${consumes:…}`, `${emulated:}` and `${operators:…}` in
 * serverless.yml.
 */
const sources = {
  settings: (_, stage, address) => settingAt(stage, address),
  environment: (stageName, stage) => commonEnvironment(SERVICE, stageName, stage),
  consumes: (stageName, stage, address) => eventSources(address, stageName, stage),
  emulated: (_, stage) => emulatedEventSources(stage),
  operators: (stageName, stage, address) => operatorsValue(address, stageName, stage),
} as const satisfies Readonly<Record<string, Source>>;

export type SourceName = keyof typeof sources;

export const sourceNames = Object.keys(sources) as readonly SourceName[];

const settingsOf = (stageName: string): Stage => (stageName === 'local' ? readLocalStage() : readStage(stageName));

/**
 * Returns the value of a variable of the form `${source:address}` in serverless.yml. If the variable has no value,
 * throws an error that names the mistake in one sentence.
 */
export const resolveVariable = (
  source: SourceName,
  address: string,
  stageName: string,
  stage: Stage = settingsOf(stageName),
): unknown => sources[source](stageName, stage, address);

function settingAt(stage: Stage, path: string): unknown {
  const value = path
    .split('.')
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], stage);
  if (value === undefined)
    throw new Error(`serverless.yml uses the unknown setting "${path}": infra/stages/stage.ts defines all settings`);
  return value;
}
