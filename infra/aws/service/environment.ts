import { settingNames } from '../../../lib/settings.ts';
import { imported, type ExportName } from '../foundation/exports.ts';
import { SCOPE_PREFIX } from '../foundation/operators.ts';
import type { Stage } from '../../stages/stage.ts';
import type { Access } from './access.ts';
import { tableNames } from '../foundation/tables.ts';
import type { Value } from '../template.ts';

/** The environment of every function, without secrets. In the stage local, all settings of the shell reach the functions. */
export function commonEnvironment(
  service: string,
  stageName: string,
  { logLevel, retention }: Pick<Stage, 'logLevel' | 'retention'>,
): Record<string, string> {
  const tablePrefix = `${service}-${stageName}-`;
  if (stageName !== 'local')
    return {
      STAGE: stageName,
      SERVICE_NAME: service,
      TABLE_PREFIX: tablePrefix,
      DEPLOYED_TABLES: tableNames.join(','),
      LOG_LEVEL: logLevel,
      INBOX_RETENTION_DAYS: String(retention.inboxDays),
      ARCHIVE_RETENTION_DAYS: String(retention.archiveDays),
      ...(retention.inboxCompleteSince && { INBOX_COMPLETE_SINCE: retention.inboxCompleteSince }),
    };
  const given = settingNames.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  return {
    SERVICE_NAME: service,
    TABLE_PREFIX: tablePrefix,
    DEPLOYED_TABLES: tableNames.join(','),
    LOG_LEVEL: 'INFO',
    ...Object.fromEntries(given),
    STAGE: stageName,
  };
}

/** The additional environment of HTTP functions: CORS, signing keys and the verification of tokens. */
export function httpEnvironment(
  stageName: string,
  stage: Pick<Stage, 'http' | 'network' | 'operators'>,
  { login, signingKeys }: Access,
): Record<string, Value> {
  const { operators, http, network } = stage;
  // API Gateway verifies every token. A function verifies the token again unless it runs in a VPC without access to the issuer's keys.
  const verifiedBy = login && network.exit === 'endpoints' ? 'gateway' : 'function';
  return {
    ...(http.corsOrigins.length > 0 && { CORS_ORIGINS: http.corsOrigins.join(',') }),
    ...(signingKeys && { SIGNING_SECRETS_ARN: imported(stageName, 'signing-keys') }),
    ...(operators === 'cognito'
      ? // Its access tokens name no audience, so that only API Gateway can tell whether they are for this service.
        { JWT_VERIFIED_BY: 'gateway', JWT_SCOPE_PREFIX: SCOPE_PREFIX }
      : {
          JWT_VERIFIED_BY: verifiedBy,
          JWT_ISSUER: operators.issuer,
          JWT_AUDIENCE: operators.audience,
        }),
  };
}

/** The broker's addresses and the ARN of the function's login, which the function reads from Secrets Manager. */
export const brokerEnvironment = (stageName: string, { login }: Access): Record<string, Value> =>
  login
    ? {
        BROKER_ENDPOINT: imported(stageName, 'broker-endpoint'),
        BROKER_SECRET_ARN: imported(stageName, `${login}-login` satisfies ExportName),
        MANAGEMENT_URL: imported(stageName, 'management-url'),
      }
    : {};
