import { Logger, LogLevelThreshold } from '@aws-lambda-powertools/logger';

import { mayContainSecret, scrub } from './scrub.ts';

let current: BatchLogger | undefined;

/** Sets the service name and the lowest log level for the logger of this process. */
export function configureLog({ service, level }: { readonly service: string; readonly level: Level }): void {
  current = newLogger({ serviceName: service, logLevel: level });
}

export const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;

export type Level = (typeof levels)[number];

/** Log lines with the same level, the same message and some common fields. */
export interface LogLines {
  readonly level: Level;
  readonly message: string;
  readonly shared: Readonly<Record<string, unknown>>;
  /** The other fields of each log line, in addition to the common fields in `shared`. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

class BatchLogger extends Logger {
  writes(level: Level): boolean {
    return LogLevelThreshold[level] >= this.level;
  }

  /**
   * Writes many log lines to the standard output in one write. Lines with the same `shared` fields are formatted
   * together, because formatting these fields takes about ten times as long as formatting the rest of a line.
   */
  writeLines(groups: readonly LogLines[]): void {
    let text = '';
    for (const { level, message, shared, lines } of groups) {
      if (lines.length === 0 || !this.writes(level)) continue;
      const item = this.createAndPopulateLogItem(LogLevelThreshold[level], message, [{ ...shared }]);
      item.prepareForPrint();
      const start = JSON.stringify(item.getAttributes(), this.getJsonReplacer()).slice(0, -1);
      for (const fields of lines) text += `${start},${withoutSecrets(fields).slice(1)}\n`;
    }
    if (text !== '') process.stdout.write(text);
  }
}

function withoutSecrets(fields: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(fields);
  return mayContainSecret(json) ? JSON.stringify(fields, scrubString) : json;
}

/**
 * Returns the logger of this process. The logger writes one JSON line per entry and masks everything that looks like a
 * secret.
 */
export const log = (): Logger => logger();

/**
 * Writes the log lines of one batch together. Writing each line separately would be too slow for one log line per
 * message.
 */
export const logLines = (groups: readonly LogLines[]): void => logger().writeLines(groups);

/** Whether log lines with this level are written. */
export const isLogged = (level: Level): boolean => logger().writes(level);

const logger = () => (current ??= newLogger());

const scrubString = (_: string, value: unknown) => (typeof value === 'string' ? scrub(value) : value);

/** Stops all log entries of this process, and returns a function that starts them again. */
export function muteLog(): () => void {
  const logger = log();
  const level = logger.getLevelName();
  logger.setLogLevel('SILENT');
  return () => logger.setLogLevel(level);
}

const newLogger = (options: ConstructorParameters<typeof Logger>[0] = {}) =>
  new BatchLogger({ ...options, jsonReplacerFn: scrubString });
