import * as z from 'zod';

import { defineSettings, type Explanation } from './settings.ts';

/** The stage for development on a developer's machine. Only this stage accepts the public development keys. */
export const DEVELOPMENT_STAGE = 'local';

export const stageSetting = {
  STAGE: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,19}$/)
    .default(DEVELOPMENT_STAGE)
    .meta({
      description: 'name of the stage',
      must: 'a lower-case letter and up to 19 letters, digits or "-"',
      example: 'dev',
    } satisfies Explanation),
};

/** The settings that identify the service in logs, metrics and messages. */
export const serviceSettings = defineSettings({
  ...stageSetting,
  LOG_LEVEL: z
    .enum(['DEBUG', 'INFO', 'WARN', 'ERROR'])
    .default('INFO')
    .meta({
      description: 'lowest level that is logged',
      must: 'DEBUG, INFO, WARN or ERROR',
      example: 'INFO',
    } satisfies Explanation),
  SERVICE_NAME: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/)
    .default('surehop')
    .meta({
      description: 'AMQP app id, and the service name in logs and metrics',
      must: 'a lower-case letter and up to 39 letters, digits or "-"',
      example: 'surehop',
    } satisfies Explanation),
  METRICS_NAMESPACE: z
    .string()
    .regex(/^(?!AWS\/)[\w.\-/#]{1,255}$/)
    .default('Surehop')
    .meta({
      description: 'CloudWatch namespace of all metrics of the service',
      must: '1 to 255 letters, digits or "._/#-", and must not start with "AWS/"',
      example: 'Shop',
    } satisfies Explanation),
});

export type ServiceSettings = NonNullable<(typeof serviceSettings)['type']>;
