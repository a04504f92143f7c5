import { defineSettings, matching, oneOf, setting, settingFault, type Environment } from './settings.ts';

/** The stage for development on a developer's machine. Only this stage accepts the public development keys. */
export const DEVELOPMENT_STAGE = 'local';

export const stageSetting = {
  STAGE: setting(matching(/^[a-z][a-z0-9-]{0,19}$/), DEVELOPMENT_STAGE, {
    description: 'name of the stage',
    must: 'a lower-case letter and up to 19 letters, digits or "-"',
    example: 'dev',
  }),
};

/** The settings that identify the service in logs, metrics and messages. */
export const serviceSettings = defineSettings(
  {
    ...stageSetting,
    LOG_LEVEL: setting(oneOf('DEBUG', 'INFO', 'WARN', 'ERROR'), 'INFO', {
      description: 'lowest level that is logged',
      must: 'DEBUG, INFO, WARN or ERROR',
      example: 'INFO',
    }),
    SERVICE_NAME: setting(matching(/^[a-z][a-z0-9-]{0,39}$/), 'surehop', {
      description: 'AMQP app id, and the service name in logs and metrics',
      must: 'a lower-case letter and up to 39 letters, digits or "-"',
      example: 'surehop',
    }),
    METRICS_NAMESPACE: setting(matching(/^(?!AWS\/)[\w.\-/#]{1,255}$/), 'Surehop', {
      description: 'CloudWatch namespace of all metrics of the service',
      must: '1 to 255 letters, digits or "._/#-", and must not start with "AWS/"',
      example: 'Shop',
    }),
  },
  ({ AWS_LAMBDA_FUNCTION_NAME: functionName, IS_OFFLINE: isOffline, STAGE: stage }: Environment) =>
    // The local event source and serverless-offline set IS_OFFLINE.
    functionName !== undefined && isOffline !== 'true' && stage === undefined
      ? [
          settingFault(
            'STAGE',
            `a Lambda function must name its stage, because the stage "${DEVELOPMENT_STAGE}" accepts the public development keys`,
            'dev',
          ),
        ]
      : [],
);

export type ServiceSettings = NonNullable<(typeof serviceSettings)['type']>;
