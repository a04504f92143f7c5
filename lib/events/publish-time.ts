import type { Envelope } from './envelope.ts';
import type { Properties } from './message.ts';

/** The fields of a message from which its publish time can be determined. */
export interface DatedMessage {
  readonly envelope: Pick<Envelope, 'publishedAt' | 'redrivenAt'>;
  readonly properties: Pick<Properties, 'timestamp'>;
  /** When the event occurred, if the message is a CloudEvent with a time. */
  readonly occurredAt?: string;
}

/**
 * Returns when a message was published, in ms since the epoch: the header `surehop-published-at`, or else the AMQP
 * property `timestamp`, or else the time of the CloudEvent. Returns `undefined` if none of the three is a valid time.
 */
export const publishTimeOf = ({
  envelope: { publishedAt },
  properties: { timestamp },
  occurredAt,
}: DatedMessage): number | undefined =>
  validTime(publishedAt) ??
  validTime(typeof timestamp === 'number' ? timestamp * 1_000 : undefined) ??
  validTime(occurredAt);

/** Returns when a message was last redriven, or when it was published if it was never redriven, in ms since the epoch. */
export const lastSentTimeOf = (message: DatedMessage): number | undefined =>
  validTime(message.envelope.redrivenAt) ?? publishTimeOf(message);

/**
 * Returns when Surehop published or last redrove a message, in ms since the epoch. Ignores times set by other
 * publishers, which may be long before the actual publication.
 */
export const surehopSentTimeOf = ({ envelope }: Pick<DatedMessage, 'envelope'>): number | undefined =>
  validTime(envelope.redrivenAt) ?? validTime(envelope.publishedAt);

/** Formats a time as ISO 8601. Returns `undefined` for an invalid time and for a time outside the years 1 to 9999. */
export function isoTime(time: string | number | undefined): string | undefined {
  const ms = validTime(time);
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

/** Only times in the years 1 to 9999 are valid, because the ISO 8601 texts of other years do not sort by time. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

function validTime(time: string | number | undefined): number | undefined {
  const ms = typeof time === 'string' ? Date.parse(time) : time;
  return ms !== undefined && ms >= FIRST_MS && ms <= LAST_MS ? ms : undefined;
}
