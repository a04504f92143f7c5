import { randomUUID } from 'node:crypto';

import type { Payload } from 'surehop/events';

import { orderRejected } from '../../functions/orders/events.ts';
import { withPublisher } from '../../infra/dev/client/with-publisher.ts';
import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { queues } from '../../infra/topology.ts';
import { deadLetterCopy } from '../../lib/events/copies.ts';
import type { Message } from '../../lib/events/message.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import { eventMessage } from '../../lib/events/publish.ts';
import { eventually } from './eventually.ts';

type Rejection = Payload<typeof orderRejected>;

/** A dead letter as `GET /dead-letters` returns it. */
export interface ListedLetter {
  readonly id: string;
  readonly messageId: string;
  readonly queue: string;
  readonly code: string;
  readonly status: string;
}

/** Makes messages of a running service fail, and reads the dead letters of the service. */
export interface Failing {
  /** Publishes messages to the broker of the service, and waits until the broker has confirmed the messages. */
  publish(messages: readonly Message[]): Promise<void>;
  /** Waits until the archive contains `count` open dead letters that match the query. */
  untilArchived(count: number, query?: Readonly<Record<string, string>>): Promise<void>;
  /** Sends a request with an operator's token that has every scope. */
  request<T>(method: string, path: string, body?: unknown): Promise<T>;
}

interface Groups {
  readonly groups: readonly { readonly count: number }[];
}

const EVERY_SCOPE = ['status:read', 'dead-letters:read', 'dead-letters:redrive', 'dead-letters:edit', 'local:send'];

export async function failing(environment: DevEnvironment): Promise<Failing> {
  const { service, broker } = environment;
  const token = await service.token(...EVERY_SCOPE);
  const request = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(service.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    request,
    publish: (messages) =>
      withPublisher(broker.amqpUrl, async (publisher) => {
        const failed = (await publisher.publishAll(messages, 120_000)).find((error) => error !== undefined);
        if (failed) throw failed;
      }),
    async untilArchived(count, query = {}) {
      const search = new URLSearchParams(query);
      let found = 0;
      await eventually(
        `${count} dead letters with ${search.toString()}`,
        async () => {
          // The service refuses a code that no dead letter has.
          const { groups } = await request<Groups>('GET', `/dead-letters/groups?${search.toString()}`).catch(() => ({
            groups: [],
          }));
          found = groups.reduce((sum, group) => sum + group.count, 0);
          return found >= count;
        },
        240_000,
      );
      if (found > count) throw new Error(`${found} instead of ${count} dead letters with ${search.toString()}`);
    },
  };
}

const rejection = (orderId: string): Rejection => ({
  orderId,
  customerId: 'ada',
  currency: 'EUR',
  total: 300,
  reason: 'OUT_OF_STOCK',
});

/** Returns the event that an order was rejected. The consumer of the queue `points` completes this event. */
export const aRejection = (id: string = randomUUID(), change: object = {}): Message =>
  eventMessage(
    orderRejected,
    { ...rejection(id), ...change },
    {
      id: id as MessageId,
      appId: 'shop',
      publishedAtMs: Date.now(),
    },
  );

/**
 * Returns a message with the headers of a dead letter, as if the consumer of a work queue had dead-lettered the message
 * because of an error that no longer occurs.
 */
export const aFailure = (code: string, reason: string, message: Message = aRejection()): Message =>
  deadLetterCopy(message, queues.points.deadLetterExchange, {
    id: randomUUID() as unknown as MessageId,
    code,
    reason,
    queue: queues.points.name,
    at: new Date().toISOString(),
  });

/** Returns a message for a work queue. The body of the message is not JSON. */
export const aPoison = (
  queue: string,
  body: string | Buffer = 'this is not JSON',
  id: string = randomUUID(),
): Message => ({
  exchange: '',
  routingKey: queue,
  body: Buffer.from(body),
  properties: { messageId: id, contentType: 'application/json', appId: 'shop', headers: {} },
});

/**
 * Makes 30 messages fail for four causes: the body of 12 messages is not JSON, the body of 8 messages does not match
 * the schema of the event, the business rule of 5 messages throws an error at each attempt, and 5 messages have the id
 * of another message.
 */
export async function failThirty({ publish, request, untilArchived }: Failing): Promise<void> {
  const twice = Array.from({ length: 5 }, () => randomUUID());
  await publish(twice.map((id) => aRejection(id)));
  await publish([
    ...twice.map((id) => aRejection(id, { total: 400 })),
    ...Array.from({ length: 12 }, (_, index) => aPoison('stock', `{"order": ${index}`)),
    ...Array.from({ length: 8 }, () => aRejection(undefined, { total: 'three euros' })),
  ]);
  await untilArchived(25);
  const attempts = queues.points.delays.length + 1;
  await request('POST', '/console/dev/fail-next', { queue: queues.points.name, count: 5 * attempts });
  await publish(Array.from({ length: 5 }, () => aRejection()));
  await untilArchived(30);
}
