import type { InboxSettings } from './settings.ts';

const DAY_MS = 86_400_000;

/** Whether the inbox may have lost the marker of a message published at this time (ISO 8601): its table was restored since. */
export const mayBeForgotten = (
  { INBOX_COMPLETE_SINCE: since }: Pick<InboxSettings, 'INBOX_COMPLETE_SINCE'>,
  publishedAt: string | undefined,
): boolean => since !== undefined && !(Date.parse(publishedAt ?? '') >= Date.parse(since));

/** Since when the inbox knows every message that was completed, in ms since the epoch. */
export const rememberedSinceMs = (
  { INBOX_RETENTION_DAYS, INBOX_COMPLETE_SINCE }: InboxSettings,
  nowMs: number,
): number => Math.max(nowMs - INBOX_RETENTION_DAYS * DAY_MS, Date.parse(INBOX_COMPLETE_SINCE ?? '') || 0);
