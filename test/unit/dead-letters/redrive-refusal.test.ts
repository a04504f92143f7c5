import { expect, test } from '@jest/globals';

import type { DeadLetter } from '../../../lib/dead-letters/dead-letter.ts';
import { obstacleTo } from '../../../lib/dead-letters/redrive-refusal.ts';
import { rememberedSinceMs } from '../../../lib/inbox/remembered.ts';

const DAY_MS = 86_400_000;
const nowMs = Date.parse('2026-11-22T12:00:00.000Z');
const daysAgo = (days: number) => new Date(nowMs - days * DAY_MS).toISOString();

const open: DeadLetter = {
  id: 'd',
  queue: 'stock',
  code: 'EXPIRED',
  reason: '',
  attempt: 1,
  redrives: 0,
  publishedAt: daysAgo(1),
  deadLetteredAt: daysAgo(1),
  archivedAt: daysAgo(1),
  status: 'open',
  timesRedriven: 0,
  history: [],
  payloadHash: '',
  bodyBytes: 0,
};

test.each<[string, Partial<DeadLetter>, string | undefined, string | undefined]>([
  ['an open one', {}, undefined, undefined],
  ['a discarded one', { status: 'discarded' }, 'already-discarded', 'already-discarded'],
  ['one without a queue', { queue: undefined }, 'no-origin', 'no-origin'],
  ['a redriven one', { status: 'redriven' }, 'already-redriven', undefined],
  ['one published just within memory', { publishedAt: daysAgo(14) }, undefined, undefined],
  ['one published before memory, though it failed today', { publishedAt: daysAgo(14.01) }, 'too-old', undefined],
  [
    'one that failed before memory, published who knows when',
    { publishedAt: undefined, deadLetteredAt: daysAgo(15) },
    'too-old',
    undefined,
  ],
])('%s may be sent back or not', (_, about, unforced, forced) => {
  const letter = { ...open, ...about };
  const since = rememberedSinceMs({ INBOX_RETENTION_DAYS: 14 }, nowMs);
  expect(obstacleTo(letter, { force: false, rememberedSinceMs: since })).toBe(unforced);
  expect(obstacleTo(letter, { force: true, rememberedSinceMs: since })).toBe(forced);
});
