import { randomUUID } from 'node:crypto';

import type { Message } from '../../lib/events/message.ts';

/** A message with a numeric timestamp, which the AMQP clients in the comparison require. */
export type BenchMessage = Message & { readonly properties: { readonly timestamp: number } };

const body = Buffer.alloc(512, 'x');

/** Creates a message with a body of 512 bytes and with the properties that the service's events have. */
export const aMessage = (routingKey: string, exchange = ''): BenchMessage => {
  const messageId = randomUUID();
  return {
    exchange,
    routingKey,
    body,
    properties: {
      messageId,
      correlationId: messageId,
      type: 'order.created',
      appId: 'bench',
      contentType: 'application/json',
      timestamp: 1_795_350_821,
      headers: {
        'surehop-exchange': 'orders',
        'surehop-routing-key': 'order.created',
        'surehop-published-at': '2026-11-22T12:33:41.000Z',
        'surehop-schema-version': 1,
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      },
    },
  };
};

export const messagesTo = (queue: string, count: number): BenchMessage[] =>
  Array.from({ length: count }, () => aMessage(queue));
