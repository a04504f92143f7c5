import { plainOf } from '../events/json-form.ts';
import type { Headers } from '../events/message.ts';
import { errorCodes, type ErrorCode } from '../runtime/errors.ts';

/** What the broker wrote on a message that it gave up on. */
export interface BrokerDeath {
  readonly queue: string;
  readonly code: ErrorCode;
  readonly reason: string;
  /** ISO 8601, where it can be read. */
  readonly at?: string;
  /** Tells this death from others of the same message. */
  readonly mark: string;
}

/** The reasons of https://www.rabbitmq.com/docs/dlx, and that of a quorum queue's limit. */
const codes: Readonly<Record<string, keyof typeof errorCodes>> = {
  expired: 'EXPIRED',
  delivery_limit: 'DELIVERY_LIMIT',
  maxlen: 'MAX_LENGTH',
  rejected: 'REJECTED',
};

/**
 * Reads the newest entry of `x-death`, which stands first. `x-first-death-*` would name a retry tier for any message that
 * was ever retried. Undefined where the broker wrote nothing.
 */
export function readBrokerDeath(headers: Headers): BrokerDeath | undefined {
  const deaths = plainOf(headers['x-death'] ?? null);
  const death: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  if (!isTable(death) || typeof death.queue !== 'string') return undefined;
  const reason = typeof death.reason === 'string' ? death.reason : 'unknown';
  const known = codes[reason];
  return {
    queue: death.queue,
    code: known ?? reason.toUpperCase().slice(0, 100),
    reason: known ? errorCodes[known] : `The broker gave up on the message: ${reason}.`,
    at: readTime(death.time),
    mark: JSON.stringify([reason, death.time ?? null, death.count ?? null]),
  };
}

const isTable = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** No document says how the event source shows an AMQP timestamp in a table: seconds, milliseconds and dates are read. */
function readTime(time: unknown): string | undefined {
  const ms =
    typeof time === 'number'
      ? time < 1e11
        ? time * 1_000
        : time
      : Date.parse(typeof time === 'string' ? `${time.replaceAll('\u202f', ' ')}${isZoned(time) ? '' : ' UTC'}` : '');
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : undefined;
}

const isZoned = (time: string) => /(Z|UTC|GMT|[+-]\d\d:?\d\d)$/.test(time);
