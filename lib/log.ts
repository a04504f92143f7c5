import { Logger } from '@aws-lambda-powertools/logger';

import { config } from './config.ts';

let current: Logger | undefined;

/** The structured logger of this process: one JSON line an entry. */
export const log = (): Logger =>
  (current ??= new Logger({ serviceName: config().SERVICE_NAME, logLevel: config().LOG_LEVEL }));
