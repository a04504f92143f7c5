import { expect, test } from '@jest/globals';
import * as z from 'zod';

import { defineEvent } from '../../../lib/events/define.ts';
import { deriveId } from '../../../lib/events/message-id.ts';
import type { Message } from '../../../lib/events/message.ts';
import type { Publisher } from '../../../lib/events/publish.ts';
import { eventPublisher } from '../../../lib/rabbitmq/event-publisher.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';

test('publishEvent publishes an event with its envelope headers, and uses the event id as the default correlation id', async () => {
  const sent: Message[] = [];
  const publisher: Publisher = {
    publish: async (message) => void sent.push(message),
    publishAll: () => Promise.reject(new Error('not used')),
    close: async () => {},
  };
  const clock = { now: () => Date.parse('2026-11-22T12:00:00.250Z') };
  const publishEvent = eventPublisher(createSurehop({ environment: { SERVICE_NAME: 'shop' }, clock }), publisher);
  const event = defineEvent({
    type: 'loan.created',
    version: 2,
    exchange: 'library',
    schema: z.object({ customer: z.string() }),
    key: ({ customer }) => customer,
  });
  const id = deriveId('order', '1');
  await publishEvent(event, { customer: 'ada' }, { id });
  expect(sent).toEqual([
    {
      exchange: 'library',
      routingKey: 'loan.created',
      body: Buffer.from('{"customer":"ada"}'),
      properties: {
        messageId: id,
        correlationId: id,
        type: 'loan.created',
        appId: 'shop',
        contentType: 'application/json',
        timestamp: Date.parse('2026-11-22T12:00:00Z') / 1_000,
        headers: {
          'surehop-exchange': 'library',
          'surehop-routing-key': 'loan.created',
          'surehop-published-at': '2026-11-22T12:00:00.250Z',
          'surehop-schema-version': 2,
          'surehop-key': 'ada',
          traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/),
        },
      },
    },
  ]);
});
