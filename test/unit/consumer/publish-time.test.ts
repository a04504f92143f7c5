import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { decode } from '../../../lib/message/delivery.ts';
import { factsOf } from '../../../lib/consumer/facts.ts';
import type { Progress } from '../../../lib/consumer/progress.ts';
import type { BatchReport } from '../../../lib/consumer/report.ts';
import { deadLetterFrom } from '../../../lib/dead-letters/origin.ts';
import { redriveRefusal } from '../../../lib/dead-letters/redrive-refusal.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { publishTimeOf } from '../../../lib/events/publish-time.ts';
import { gatedDependencies, memorySettings } from '../../../lib/testing/gated-dependencies.ts';
import { emptyStore } from '../../../lib/testing/memory-store.ts';
import { anEvent, anInvocation, aRecord, type GivenHeaders } from '../../support/delivery.ts';
import { exchanges, queues } from '../../support/example/topology.ts';

const queue = queues.loans;
const event = defineEvent({ type: 'dated', version: 1, exchange: exchanges.library, schema: z.object({}) });
const HOUR_MS = 3_600_000;

const HEADER = '2026-11-22T12:00:00.250Z';
const TIMESTAMP = 'Nov 22, 2026, 11:00:07 AM';
const TIMESTAMP_ISO = '2026-11-22T11:00:07.000Z';
const OCCURRED = '2026-11-22T10:00:00.000Z';
const publishedAt = (text: string): GivenHeaders => ({ 'surehop-published-at': text });
const cloudEvent = (time: string): GivenHeaders => ({
  cloudEvents_specversion: '1.0',
  cloudEvents_id: '1',
  cloudEvents_source: '/shop',
  cloudEvents_type: 'dated',
  cloudEvents_time: time,
});

describe.each<[message: string, headers: GivenHeaders, timestamp: string | null, time: string | undefined]>([
  ['a message with only an AMQP timestamp', {}, TIMESTAMP, TIMESTAMP_ISO],
  ['a message with only the header surehop-published-at', publishedAt(HEADER), null, HEADER],
  [
    'a message with an earlier AMQP timestamp and the header surehop-published-at',
    publishedAt(HEADER),
    TIMESTAMP,
    HEADER,
  ],
  ['a message with neither an AMQP timestamp nor the header surehop-published-at', {}, null, undefined],
  [
    'a message with an AMQP timestamp and nonsense in the header surehop-published-at',
    publishedAt('soon'),
    TIMESTAMP,
    TIMESTAMP_ISO,
  ],
  ['a message with nonsense as its AMQP timestamp', {}, 'Smarch 1, 2026', undefined],
  [
    'a message with nonsense as its AMQP timestamp and in the header surehop-published-at',
    publishedAt('soon'),
    'later',
    undefined,
  ],
  ['a message whose AMQP timestamp is after the year 9999', {}, 'Nov 22, 58861, 11:00:07 AM', undefined],
  ['a CloudEvent with only the attribute time', cloudEvent(OCCURRED), null, OCCURRED],
  ['a CloudEvent with the attribute time and an AMQP timestamp', cloudEvent(OCCURRED), TIMESTAMP, TIMESTAMP_ISO],
])('%s', (_, headers, timestamp, time) => {
  const lambdaEvent = anEvent([aRecord({ type: 'dated', headers, timestamp })]);
  const [delivery] = decode(lambdaEvent) as [ReturnType<typeof decode>[number]];
  const timeMs = time === undefined ? undefined : Date.parse(time);
  const anyTimeMs = timeMs ?? Date.parse(HEADER);
  const deadLetter = deadLetterFrom(delivery, [queue], anyTimeMs);

  async function consume(nowMs: number, settings = {}, maxAge?: string) {
    const store = emptyStore();
    const recorded: Progress[] = [];
    const dependencies = gatedDependencies(
      { store, clock: { now: () => nowMs }, settings: memorySettings(settings), take: () => undefined },
      (call, run) => {
        if (call.to === 'progress.record') recorded.push(call.args[1]);
        return run();
      },
    );
    const definition = { queue, event, decide: () => ({ effects: [] }), maxAge };
    const { counts, notCompleted }: BatchReport = await createConsumer(definition, dependencies)(
      lambdaEvent,
      anInvocation(),
    );
    return { outcome: counts.completed === 1 ? 'completed' : notCompleted[0]?.code, recorded };
  }

  test('the archive and the inbox marker of a message contain its publish time', () => {
    expect(publishTimeOf(delivery)).toBe(timeMs);
    expect(deadLetter.publishedAt).toBe(time);
    expect(factsOf(delivery, { startedAt: HEADER }).publishedAt).toBe(time);
  });

  test('the maximum age of a message counts from its publish time, and does not apply to a message without a publish time', async () => {
    expect((await consume(anyTimeMs + HOUR_MS, {}, '1h')).outcome).toBe('completed');
    expect((await consume(anyTimeMs + HOUR_MS + 1, {}, '1h')).outcome).toBe(
      time === undefined ? 'completed' : 'TOO_OLD',
    );
  });

  test('after a restore of the inbox table, a message is dead-lettered if it was published before the restore or has no publish time', async () => {
    const after = async (sinceMs: number) =>
      (await consume(anyTimeMs, { INBOX_COMPLETE_SINCE: new Date(sinceMs).toISOString() })).outcome;
    expect(await after(anyTimeMs)).toBe(time === undefined ? 'UNREMEMBERED' : 'completed');
    expect(await after(anyTimeMs + 1)).toBe('UNREMEMBERED');
  });

  test('a consumer records the earliest publish time of the messages in a batch, and records nothing if no message in the batch has a publish time', async () => {
    const { recorded } = await consume(anyTimeMs + 5);
    expect(recorded.map(({ oldestPublishedAt }) => oldestPublishedAt)).toEqual(time === undefined ? [] : [time]);
  });

  test('a redrive counts the age of a dead letter from the publish time of the message or, without a publish time, from the time of dead-lettering', () => {
    const rules = { force: false, queues: [queue] };
    const open = { ...deadLetter, queue: queue.name };
    expect(redriveRefusal(open, { ...rules, rememberedSinceMs: anyTimeMs })).toBeUndefined();
    expect(redriveRefusal(open, { ...rules, rememberedSinceMs: anyTimeMs + 1 })).toBe('too-old');
  });
});

test.each([
  ['a message with only an AMQP timestamp', 'completed', {}],
  ['a message with the header surehop-published-at', 'dead-letter', publishedAt(TIMESTAMP_ISO)],
  ['a message with the header surehop-redriven-at', 'dead-letter', { 'surehop-redriven-at': TIMESTAMP_ISO }],
  [
    'a message with nonsense in the header surehop-redriven-at and the header surehop-published-at',
    'dead-letter',
    { 'surehop-redriven-at': 'recently', ...publishedAt(TIMESTAMP_ISO) },
  ],
] as const)(
  'after the retention of inbox markers, %s that is redelivered has the outcome %s',
  async (_, outcome, headers) => {
    const dependencies = gatedDependencies(
      {
        store: emptyStore(),
        clock: { now: () => Date.parse(TIMESTAMP_ISO) + 15 * 24 * HOUR_MS },
        settings: memorySettings({ INBOX_RETENTION_DAYS: '14' }),
        take: () => undefined,
      },
      (__, run) => run(),
    );
    const redelivered = aRecord({ type: 'dated', headers, timestamp: TIMESTAMP, redelivered: true });
    const definition = { queue, event, decide: () => ({ effects: [] }) };
    expect(
      (await createConsumer(definition, dependencies)(anEvent([redelivered]), anInvocation())).counts[outcome],
    ).toBe(1);
  },
);

test('after a redrive, the age of a message starts at the redrive, and nonsense in the header surehop-redriven-at is ignored', async () => {
  const age = async (redrivenAt: string) => {
    const headers = { ...publishedAt(HEADER), 'surehop-redrives': 1, 'surehop-redriven-at': redrivenAt };
    const dependencies = gatedDependencies(
      {
        store: emptyStore(),
        clock: { now: () => Date.parse(HEADER) + 2 * HOUR_MS },
        settings: memorySettings({}),
        take: () => undefined,
      },
      (__, run) => run(),
    );
    const definition = { queue, event, decide: () => ({ effects: [] }), maxAge: '1h' };
    const report = await createConsumer(definition, dependencies)(
      anEvent([aRecord({ type: 'dated', headers, timestamp: null })]),
      anInvocation(),
    );
    return report.counts;
  };
  expect(await age('2026-11-22T13:30:00.000Z')).toMatchObject({ completed: 1 });
  expect(await age('recently')).toMatchObject({ 'dead-letter': 1 });
});
