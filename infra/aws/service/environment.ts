import { settingFaults, settingNames } from 'surehop/settings';

import { imported, type ExportName } from '../foundation/exports.ts';
import { SCOPE_PREFIX } from '../foundation/operators.ts';
import { service as declared } from '../../service.ts';
import { settings as own } from '../../settings.ts';
import { environmentOf } from '../../stages/own-settings.ts';
import type { Stage } from '../../stages/stage.ts';
import type { Access } from './access.ts';
import { tableNames } from '../foundation/tables.ts';
import type { Value } from '../template.ts';

/**
 * Returns the environment variables that every function gets. On AWS, none of their values is a secret. In the stage
 * `local`, environment variables of the developer's shell replace settings with the same name.
 */
export function commonEnvironment(
  service: string,
  stageName: string,
  stage: Pick<Stage, 'logLevel' | 'outcomeLogLevels' | 'completedLinesPerBatch' | 'retention' | 'settings' | 'tracing'>,
): Record<string, string> {
  const { logLevel, retention, settings, tracing } = stage;
  const tablePrefix = `${service}-${stageName}-`;
  const { metricsNamespace, urnNamespace } = declared;
  const namespaces = {
    METRICS_NAMESPACE: metricsNamespace,
    ...(urnNamespace !== undefined && { URN_NAMESPACE: urnNamespace }),
  };
  if (stageName !== 'local')
    return {
      ...environmentOf(settings),
      STAGE: stageName,
      SERVICE_NAME: service,
      ...namespaces,
      TABLE_PREFIX: tablePrefix,
      DEPLOYED_TABLES: tableNames.join(','),
      LOG_LEVEL: logLevel,
      ...logEnvironment(stage),
      INBOX_RETENTION_DAYS: String(retention.inboxDays),
      ARCHIVE_RETENTION_DAYS: String(retention.archiveDays),
      ...(tracing !== 'off' && {
        OTEL_EXPORTER_OTLP_ENDPOINT: tracing.endpoint,
        OTEL_TRACES_SAMPLER_ARG: String(tracing.sampledShare),
      }),
      ...(retention.inboxCompleteSince && { INBOX_COMPLETE_SINCE: retention.inboxCompleteSince }),
    };
  const shell = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  const ownValues = { ...environmentOf(settings), ...shell(Object.keys(own.shape)) };
  const faults = settingFaults(own, ownValues);
  const explanations = faults.join('; ');
  if (faults.length > 0) throw new Error(`wrong setting: ${explanations}`);
  return {
    ...ownValues,
    SERVICE_NAME: service,
    ...namespaces,
    TABLE_PREFIX: tablePrefix,
    DEPLOYED_TABLES: tableNames.join(','),
    LOG_LEVEL: 'INFO',
    ...logEnvironment(stage),
    ...shell(settingNames),
    STAGE: stageName,
  };
}

/**
 * Returns the environment variables that set the log level for each outcome of a RabbitMQ message, and the number of
 * completed messages that a consumer logs per batch.
 */
const logEnvironment = ({
  outcomeLogLevels,
  completedLinesPerBatch,
}: Pick<Stage, 'outcomeLogLevels' | 'completedLinesPerBatch'>): Record<string, string> => ({
  OUTCOME_LOG_LEVELS: Object.entries(outcomeLogLevels)
    .map(([outcome, level]) => `${outcome}=${level}`)
    .join(','),
  COMPLETED_LINES_PER_BATCH: String(completedLinesPerBatch),
});

/**
 * Returns the environment variables that only HTTP functions get: for CORS, for signing keys, for alarms, and for verifying
 * tokens.
 */
export function httpEnvironment(
  stageName: string,
  stage: Pick<Stage, 'http' | 'network' | 'operators'>,
  { login, signingKeys, alarms }: Access,
): Record<string, Value> {
  const { operators, http, network } = stage;
  // API Gateway verifies every token. The function verifies the token as well, unless it runs in a VPC without access to the
  // issuer's keys.
  const verifiedBy = login && network.exit === 'endpoints' ? 'gateway' : 'function';
  return {
    ...(http.corsOrigins.length > 0 && { CORS_ORIGINS: http.corsOrigins.join(',') }),
    ...(alarms && {
      CRITICAL_TOPIC_ARN: imported(stageName, 'critical-topic'),
      WARNING_TOPIC_ARN: imported(stageName, 'warning-topic'),
    }),
    ...(signingKeys && { SIGNING_SECRETS_ARN: imported(stageName, 'signing-keys') }),
    ...(operators === 'cognito'
      ? // Access tokens from Cognito do not name an audience, so only API Gateway can verify that a token was issued for this
        // service.
        { JWT_VERIFIED_BY: 'gateway', JWT_SCOPE_PREFIX: SCOPE_PREFIX }
      : {
          JWT_VERIFIED_BY: verifiedBy,
          JWT_ISSUER: operators.issuer,
          JWT_AUDIENCE: operators.audience,
        }),
  };
}

/**
 * Returns the environment variables that contain the URLs of the broker and the ARN of the secret with the function's
 * login.
 */
export const brokerEnvironment = (stageName: string, { login }: Access): Record<string, Value> =>
  login
    ? {
        BROKER_ENDPOINT: imported(stageName, 'broker-endpoint'),
        BROKER_SECRET_ARN: imported(stageName, `${login}-login` satisfies ExportName),
        MANAGEMENT_URL: imported(stageName, 'management-url'),
      }
    : {};
