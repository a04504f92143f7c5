import { expect, test } from '@jest/globals';

import type { DeadLetter } from '../../../lib/archive/dead-letter.ts';
import { redriveRefusal } from '../../../lib/dead-letters/redrive-refusal.ts';
import { rememberedSinceMs } from '../../../lib/inbox/settings.ts';

const DAY_MS = 86_400_000;
const nowMs = Date.parse('2026-11-22T12:00:00.000Z');
const daysAgo = (days: number) => new Date(nowMs - days * DAY_MS).toISOString();

const open: DeadLetter = {
  id: 'd',
  queue: 'loans',
  code: 'EXPIRED',
  reason: '',
  group: 'g',
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

test.each<[string, string | undefined, string | undefined, Partial<DeadLetter>]>([
  ['is open', undefined, undefined, {}],
  ['was discarded', 'already-discarded', 'already-discarded', { status: 'discarded' }],
  ['was replaced by an edited message', 'already-superseded', 'already-superseded', { status: 'superseded' }],
  ['does not name its queue', 'no-origin', 'no-origin', { queue: undefined }],
  ['names a delay queue', 'no-origin', 'no-origin', { queue: 'retry.1s' }],
  ['names a queue that the service does not declare', 'no-origin', 'no-origin', { queue: 'gone' }],
  ['names a shard of a work queue', undefined, undefined, { queue: 'loans.07' }],
  ['was redriven before', 'already-redriven', undefined, { status: 'redriven' }],
  ['has parts that AMQP cannot encode', 'unwritable', undefined, { unwritable: 'header "a"' }],
  ['was published just within the inbox retention', undefined, undefined, { publishedAt: daysAgo(14) }],
  ['was published before the inbox retention and failed today', 'too-old', undefined, { publishedAt: daysAgo(14.01) }],
  [
    'failed before the inbox retention and has no publish time',
    'too-old',
    undefined,
    { publishedAt: undefined, deadLetteredAt: daysAgo(15) },
  ],
])(
  'the refusal to redrive a dead letter that %s is %p, and %p with "force" (undefined means that the redrive is allowed)',
  (_, unforced, forced, about) => {
    const deadLetter = { ...open, ...about };
    const rules = {
      rememberedSinceMs: rememberedSinceMs({ INBOX_RETENTION_DAYS: 14 }, nowMs),
      queues: [{ name: 'loans' }],
    };
    expect(redriveRefusal(deadLetter, { ...rules, force: false })).toBe(unforced);
    expect(redriveRefusal(deadLetter, { ...rules, force: true })).toBe(forced);
  },
);
