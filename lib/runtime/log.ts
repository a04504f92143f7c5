import { Logger, LogLevelThreshold } from '@aws-lambda-powertools/logger';

import { mayContainSecret, scrub } from './scrub.ts';
import { shortText } from './short-text.ts';

let current: BatchLogger | undefined;

export function configureLog({ service, level }: { readonly service: string; readonly level: Level }): void {
  current = newLogger({ serviceName: service, logLevel: level });
}

export const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;

export type Level = (typeof levels)[number];

/**
 * Several log lines with the same level and the same message. `shared` contains the fields whose values are the same in
 * all lines.
 */
export interface LogLines {
  readonly level: Level;
  readonly message: string;
  readonly shared: Readonly<Record<string, unknown>>;
  /** One entry per log line, with the fields of the line that are not in `shared`. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

class BatchLogger extends Logger {
  writes(level: Level): boolean {
    return LogLevelThreshold[level] >= this.level;
  }

  /**
   * Writes many log lines to the standard output in one write. Formats the common fields only once for all lines,
   * because formatting the common fields takes much longer than formatting the other fields of a line.
   */
  writeLines(groups: readonly LogLines[]): void {
    let text = '';
    for (const { level, message, shared, lines } of groups) {
      if (lines.length === 0 || !this.writes(level)) continue;
      const item = this.createAndPopulateLogItem(LogLevelThreshold[level], message, [{ ...shared }]);
      item.prepareForPrint();
      const start = JSON.stringify(item.getAttributes(), this.getJsonReplacer()).slice(0, -1);
      for (const fields of lines) text += `${start},${forLog(fields).slice(1)}\n`;
    }
    if (text !== '') process.stdout.write(text);
  }
}

/** The maximum length of one text in a log line. Longer texts are cut off. */
const MAX_TEXT_LENGTH = 20_000;

function forLog(fields: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(fields);
  return json.length > MAX_TEXT_LENGTH || mayContainSecret(json) ? JSON.stringify(fields, textForLog) : json;
}

/**
 * Returns the logger of this process. The logger writes one JSON line per entry, cuts off long texts, and masks
 * everything that looks like a secret.
 */
export const log = (): Logger => logger();

/** Writes the log lines of one batch together, because a separate write for each line would be too slow. */
export const logLines = (groups: readonly LogLines[]): void => logger().writeLines(groups);

export const isLogged = (level: Level): boolean => logger().writes(level);

const logger = () => (current ??= newLogger());

const textForLog = (_: string, value: unknown) =>
  typeof value === 'string' ? shortText(scrub(shortText(value, MAX_TEXT_LENGTH)), MAX_TEXT_LENGTH) : value;

/** Mutes the log of this process, and returns a function that unmutes the log. */
export function muteLog(): () => void {
  const logger = log();
  const level = logger.getLevelName();
  logger.setLogLevel('SILENT');
  return () => logger.setLogLevel(level);
}

const newLogger = (options: ConstructorParameters<typeof Logger>[0] = {}) =>
  new BatchLogger({ ...options, jsonReplacerFn: textForLog });
