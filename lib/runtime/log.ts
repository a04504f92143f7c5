import { Logger } from '@aws-lambda-powertools/logger';

import { config } from './config.ts';
import { scrub } from './scrub.ts';

let current: Logger | undefined;

/** The structured logger of this process: one JSON line an entry, without what looks like a secret. */
export const log = (): Logger =>
  (current ??= new Logger({
    serviceName: config().SERVICE_NAME,
    logLevel: config().LOG_LEVEL,
    jsonReplacerFn: (_, value) => (typeof value === 'string' ? scrub(value) : value),
  }));
