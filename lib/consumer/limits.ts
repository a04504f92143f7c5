import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { parseDuration } from '../runtime/duration.ts';
import type { ConsumerSettings } from './settings.ts';

/** The limits that a consumer may set for its messages. Durations are texts such as `500ms`, `20s`, `1m` or `2h`. */
export interface ConsumerLimits {
  /** How long the business rule may run for one message. The default is the setting `MESSAGE_TIME_LIMIT_MS`. */
  readonly timeLimit?: string;
  /** How many business rules may run concurrently. The default is the setting `BATCH_CONCURRENCY`. */
  readonly concurrency?: number;
  /**
   * The number of attempts after which a failing message is dead-lettered. The default is one attempt plus one per
   * delay of the queue; further attempts repeat the last delay.
   */
  readonly attempts?: number;
  /**
   * The maximum age of a message, counted from when it was published or last redriven. An older message is
   * dead-lettered with the code `TOO_OLD`.
   */
  readonly maxAge?: string;
}

export interface Limits {
  readonly timeLimitMs: number;
  readonly concurrency: number;
  readonly attempts: number;
  /** The maximum age of a message in ms, or `undefined` if messages of any age are processed. */
  readonly maxAgeMs: number | undefined;
}

const MAX_TIME_LIMIT_MS = 600_000;
const MAX_CONCURRENCY = 1_000;
/** The largest attempt number that a consumer accepts in a message header. */
const MAX_ATTEMPTS = 999;

/**
 * Returns all limits of a consumer, including the default values. Throws an error that names the queue and the limit if
 * a limit is invalid.
 */
export function limitsOf(
  { timeLimit, concurrency, attempts, maxAge }: ConsumerLimits,
  { name, delays }: WorkQueue,
  settings: ConsumerSettings,
): Limits {
  const refuse = (limit: string, value: unknown, allowedValue: string) =>
    new Error(`the consumer of the queue ${name} has ${limit} ${JSON.stringify(value)}: it must be ${allowedValue}`);
  const duration = (limit: string, text: string | undefined, maxMs: number, allowedValue: string) => {
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms === undefined || ms > maxMs) throw refuse(limit, text, allowedValue);
    return ms;
  };
  const whole = (limit: string, value: number | undefined, max: number) => {
    if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= max))
      throw refuse(limit, value, `a whole number from 1 to ${max}`);
    return value;
  };
  return {
    timeLimitMs:
      duration('timeLimit', timeLimit, MAX_TIME_LIMIT_MS, 'a duration of at most 10m, such as "500ms" or "20s"') ??
      settings.MESSAGE_TIME_LIMIT_MS,
    concurrency: whole('concurrency', concurrency, MAX_CONCURRENCY) ?? settings.BATCH_CONCURRENCY,
    attempts: whole('attempts', attempts, MAX_ATTEMPTS) ?? delays.length + 1,
    maxAgeMs: duration('maxAge', maxAge, Infinity, 'a duration, such as "10m" or "24h"'),
  };
}
