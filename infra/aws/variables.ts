import { service as declared } from '../service.ts';
import { readLocalStage, readStage } from '../stages/read-stage.ts';
import type { Stage } from '../stages/stage.ts';
import { imported } from './foundation/exports.ts';
import { SCOPE_PREFIX } from './foundation/operators.ts';
import { commonEnvironment } from './service/environment.ts';
import { emulatedEventSources, eventSources } from './service/event-sources.ts';
import type { Value } from './template.ts';

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

/**
 * Returns the value of the variable `${operators:…}` in serverless.yml. `what`, the text after the colon, is `issuer`,
 * `audience` or a scope, such as `status:read`. For `issuer` and `audience`, returns the issuer or the audience of
 * operators' tokens. For a scope, returns its full name.
 */
function operatorsValue(what: string, stageName: string, { operators }: Pick<Stage, 'operators'>): Value {
  const isCognito = operators === 'cognito' && stageName !== 'local';
  if (what !== 'issuer' && what !== 'audience') return isCognito ? SCOPE_PREFIX + what : what;
  if (isCognito) return imported(stageName, what === 'issuer' ? 'operators-issuer' : 'operators-client');
  if (operators === 'cognito') return what === 'issuer' ? 'http://localhost' : 'local';
  return operators[what];
}
