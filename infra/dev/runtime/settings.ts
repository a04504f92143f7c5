import { DEVELOPMENT_STAGE, shownValue } from 'surehop/development';
import { allSettingFaults, settingNames } from 'surehop/settings';

import { cacheDirectory } from './cache-directory.mjs';
import { meantName } from './misspelt.ts';
import { Problem } from './command-line.ts';

/** The names of the settings that only the development environment reads, and that functions do not read. */
const DEV_SETTING_NAMES = ['HTTP_PORT', 'SUREHOP_CACHE', 'SUREHOP_DEBUG'];

const DEFAULT_PORT = 3_000;

/** The settings that exist only in a deployed stage, each with the setting that replaces it in the stage `local`. */
const FOR_DEPLOYED_STAGES: Readonly<Record<string, string>> = {
  BROKER_ENDPOINT: 'set AMQP_URL',
  BROKER_SECRET_ARN: 'set AMQP_URL',
  SIGNING_SECRETS_ARN: 'set SIGNING_SECRETS',
  CRITICAL_TOPIC_ARN: 'look at the alarms of the stage',
  WARNING_TOPIC_ARN: 'look at the alarms of the stage',
};

/**
 * The settings of the development environment. `npm start` starts a broker if AMQP_URL is not set, and a DynamoDB if
 * DYNAMODB_ENDPOINT is not set.
 */
export interface Settings {
  readonly httpPort: number;
  readonly amqpUrl: string | undefined;
  readonly managementUrl: string | undefined;
  readonly dynamodbEndpoint: string | undefined;
  /**
   * The URL of the OTLP receiver to which the functions send their spans. If it is not set, `npm start` itself receives
   * the spans.
   */
  readonly otlpEndpoint: string | undefined;
  /** The prefix of the names of all tables. The default is `<service>-local-`. */
  readonly tablePrefix: string | undefined;
  /** The folder for unpacked packages, which all clones of this project on this machine share. */
  readonly cacheDirectory: string;
}

/**
 * Reads and checks the settings of the development environment and of all functions. Throws one error that lists every
 * wrong setting with an example.
 */
export function readSettings(environment: NodeJS.ProcessEnv, localDirectory: string): Settings {
  const given = (name: string) => environment[name] || undefined;
  const faults = [...portFaults(given('HTTP_PORT')), ...stageFaults(given), ...allSettingFaults(environment)];
  const cache = cacheDirectory(environment, localDirectory);
  if (cache === undefined)
    faults.push(
      `SUREHOP_CACHE is ${shownValue('SUREHOP_CACHE', given('SUREHOP_CACHE') ?? '')}: it must be a writable folder, for example SUREHOP_CACHE=/tmp/surehop`,
    );
  const explanations = faults.join('; ');
  if (faults.length > 0) throw new Problem(`wrong setting: ${explanations}`, { exitCode: 2 });
  return Object.freeze({
    httpPort: Number(given('HTTP_PORT') ?? DEFAULT_PORT),
    amqpUrl: given('AMQP_URL'),
    managementUrl: given('MANAGEMENT_URL'),
    dynamodbEndpoint: given('DYNAMODB_ENDPOINT'),
    otlpEndpoint: given('OTEL_EXPORTER_OTLP_ENDPOINT'),
    tablePrefix: given('TABLE_PREFIX'),
    cacheDirectory: cache!,
  });
}

/**
 * Returns one sentence for each environment variable whose name looks like a misspelt setting. `ownNames` are the names
 * of the service's own settings.
 */
export function misspeltSettings(environment: NodeJS.ProcessEnv, ownNames: readonly string[] = []): string[] {
  const known = [...DEV_SETTING_NAMES, ...settingNames, ...ownNames];
  return Object.keys(environment).flatMap((name) => {
    const meant = meantName(name, known);
    return meant === undefined ? [] : [`${name} is not a setting and is ignored; did you mean ${meant}?`];
  });
}

function portFaults(port: string | undefined): string[] {
  if (port === undefined || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) return [];
  return [
    `HTTP_PORT is ${shownValue('HTTP_PORT', port)}: it must be a TCP port from 1 to 65535, for example HTTP_PORT=${DEFAULT_PORT}`,
  ];
}

function stageFaults(given: (name: string) => string | undefined): string[] {
  const stage = given('STAGE');
  return [
    ...(stage === undefined || stage === DEVELOPMENT_STAGE
      ? []
      : [
          `STAGE is ${shownValue('STAGE', stage)}: the local stage is always "${DEVELOPMENT_STAGE}"; unset STAGE, and deploy to use another stage (docs/deploy.md)`,
        ]),
    ...(given('JWT_VERIFIED_BY') === 'gateway'
      ? ['JWT_VERIFIED_BY is "gateway": locally no gateway verifies tokens; unset it, or set JWT_VERIFIED_BY=function']
      : []),
    ...Object.entries(FOR_DEPLOYED_STAGES).flatMap(([name, instead]) =>
      given(name) === undefined ? [] : [`${name} is only for deployed stages: unset it, and ${instead} instead`],
    ),
  ];
}

/** Returns a URL with its password masked, for use in messages. */
export function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/@:]*):.*@/s, '$1:***@');
}
