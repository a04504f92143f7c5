import { defineSettings, setting, wholeNumber } from '../runtime/settings.ts';

export const inboxSettings = defineSettings({
  INBOX_RETENTION_DAYS: wholeNumber('days for which the marker of a finished message is kept', 14, 1, 365),
  INBOX_COMPLETE_SINCE: setting((text) => (isTime(text) ? text : undefined), undefined, {
    description: 'time since which no marker is missing; set it after the inbox table was restored',
    must: 'a time in UTC (ISO 8601)',
    example: '2026-11-22T12:00:00Z',
  }),
});

export type InboxSettings = NonNullable<(typeof inboxSettings)['type']>;

function isTime(text: string): boolean {
  const [, minute] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(\.\d+)?)?Z$/.exec(text) ?? [];
  const timeMs = Date.parse(text);
  return minute !== undefined && !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(minute);
}

const DAY_MS = 86_400_000;

/**
 * Whether the inbox marker of a message may have been lost when the inbox table was restored from a backup. `sentAtMs`
 * is the time at which the message was last published or redriven, in ms since the epoch. If this time is unknown, the
 * message is treated as published before the restore.
 */
export const mayBeForgotten = (
  { INBOX_COMPLETE_SINCE: since }: Pick<InboxSettings, 'INBOX_COMPLETE_SINCE'>,
  sentAtMs: number | undefined,
): boolean => since !== undefined && (sentAtMs === undefined || sentAtMs < Date.parse(since));

/**
 * Whether the inbox marker of a message may have expired. `sentAtMs` is the time at which the message was last
 * published or redriven, in ms since the epoch. Returns `false` if this time is unknown.
 */
export const mayHaveExpired = (
  { INBOX_RETENTION_DAYS }: Pick<InboxSettings, 'INBOX_RETENTION_DAYS'>,
  sentAtMs: number | undefined,
  nowMs: number,
): boolean => sentAtMs !== undefined && sentAtMs < nowMs - INBOX_RETENTION_DAYS * DAY_MS;

/**
 * Returns how far back the inbox table is complete, as a time in ms since the epoch: it contains the inbox marker of
 * every message that was completed after this time.
 */
export const rememberedSinceMs = (
  { INBOX_RETENTION_DAYS, INBOX_COMPLETE_SINCE }: InboxSettings,
  nowMs: number,
): number => Math.max(nowMs - INBOX_RETENTION_DAYS * DAY_MS, Date.parse(INBOX_COMPLETE_SINCE ?? '') || 0);
