import { expect, test } from '@jest/globals';

import { orderTimeline } from '../../../functions/orders/order-timeline.ts';
import type { Timeline } from '../../../lib/timeline/schema.ts';

type Message = Timeline['messages'][number];

const at = '2026-11-22T12:00:00.000Z';
const accepted = { status: 'accepted', acceptedAt: at } as const;
const message = (messageId: string, states: Record<string, Message['consumers'][number]['state']>, from?: string) => ({
  messageId,
  followsFrom: from === undefined ? undefined : { messageId: from, queue: 'stock' },
  consumers: Object.entries(states).map(([queue, state]) => ({ queue, state })),
});
const timelineOf = (...messages: Message[]): Timeline => ({
  messages,
  steps: [{ at: '2026-11-22T12:00:01.000Z', afterMs: 0, step: 'completed', messageId: 'o' }],
  isIncomplete: false,
});
const ofRequest = (intake: Parameters<typeof orderTimeline>[1], timeline?: Timeline) =>
  orderTimeline('o', intake, undefined, timeline, ['stock', 'points']);
const of = (timeline: Timeline) => ofRequest(accepted, timeline);

test('an order that has neither an idempotency record nor a message timeline has no order timeline', () => {
  expect(ofRequest(undefined)).toBeUndefined();
});

test('the timeline of an order ends when all consumers of the order and of its follow-up events are done', () => {
  const done = { stock: 'completed', points: 'completed' } as const;
  expect(of(timelineOf(message('o', done)))).toMatchObject({
    status: 'fulfilled',
    steps: [
      { step: 'accepted', afterMs: 0 },
      { step: 'completed', afterMs: 1_000 },
    ],
    endedAt: '2026-11-22T12:00:01.000Z',
    durationMs: 1_000,
  });
  expect(of(timelineOf(message('o', { stock: 'completed' })))?.endedAt).toBeUndefined();
  expect(of(timelineOf(message('o', done), message('e', {}, 'o')))?.endedAt).toBeUndefined();
  expect(of(timelineOf(message('o', done), message('e', { points: 'completed' }, 'o')))?.endedAt).toBeDefined();
  expect(of(timelineOf(message('o', { ...done, stock: 'dead-lettered' })))).toMatchObject({ status: 'dead-lettered' });
  expect(of(timelineOf(message('o', { ...done, stock: 'dead-lettered' })))?.endedAt).toBeUndefined();
});

test('if an operator has edited the message of an order, the edited message determines the status of the order', () => {
  const edited = (state: 'pending' | 'completed') =>
    timelineOf(
      message('o', { stock: 'superseded', points: 'completed' }),
      message('e', { stock: 'superseded' }, 'o'),
      message('f', { stock: state }, 'e'),
    );
  expect(of(edited('pending'))).toMatchObject({ status: 'accepted' });
  expect(of(edited('completed'))).toMatchObject({ status: 'fulfilled', endedAt: expect.any(String) });
  expect(of(timelineOf(message('o', { stock: 'superseded', points: 'completed' })))).toMatchObject({
    status: 'accepted',
  });
});

test('orderTimeline returns no timeline for a follow-up event or an edited message, because only the first message of an order reaches every consumer', () => {
  const done = message('o', { stock: 'completed' });
  expect(ofRequest(undefined, timelineOf({ ...done, type: 'order.created' }))).toBeDefined();
  expect(ofRequest(undefined, timelineOf({ ...done, type: 'order.created', editedFrom: 'd' }))).toBeUndefined();
  expect(ofRequest(undefined, timelineOf({ ...done, type: 'order.rejected' }))).toBeUndefined();
});

test('an order is "publishing" until the acceptance of the order is recorded or a consumer has received the order', () => {
  expect(ofRequest({ status: 'publishing' })).toMatchObject({ status: 'publishing', steps: [] });
  expect(ofRequest({ status: 'publishing' }, timelineOf(message('o', {})))).toMatchObject({ status: 'accepted' });
});
