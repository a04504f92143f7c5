import { Logger } from '@aws-lambda-powertools/logger';

import { scrub } from './scrub.ts';

let current: Logger | undefined;

/** Sets the service name and the lowest log level for the logger of this process. */
export function configureLog({ service, level }: { readonly service: string; readonly level: Level }): void {
  current = newLogger({ serviceName: service, logLevel: level });
}

type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/**
 * Returns the logger of this process. The logger writes one JSON line per entry and masks everything that looks like a
 * secret.
 */
export const log = (): Logger => (current ??= newLogger());

/** Stops all log entries of this process, and returns a function that allows them again. */
export function muteLog(): () => void {
  const logger = log();
  const level = logger.getLevelName();
  logger.setLogLevel('SILENT');
  return () => logger.setLogLevel(level);
}

const newLogger = (options: ConstructorParameters<typeof Logger>[0] = {}) =>
  new Logger({ ...options, jsonReplacerFn: (_, value) => (typeof value === 'string' ? scrub(value) : value) });
