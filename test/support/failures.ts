import { randomUUID } from 'node:crypto';

import type { Payload } from 'surehop/events';

import { orderRejected } from '../../functions/orders/events.ts';
import { withPublisher } from '../../infra/dev/client/with-publisher.ts';
import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { queues } from '../../infra/topology.ts';
import { deadLetterCopy } from '../../lib/events/copies.ts';
import type { Message } from '../../lib/events/message.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import { eventMessage } from '../../lib/events/publish.ts';
import { eventually } from './eventually.ts';

type Rejection = Payload<typeof orderRejected>;

export interface ListedDeadLetter {
  readonly id: string;
  readonly messageId: string;
  readonly queue: string;
  readonly code: string;
  readonly status: string;
}

export interface Failing {
  /** Publishes messages, and waits until the broker has confirmed them. */
  publish(messages: readonly Message[]): Promise<void>;
  /** Waits until the archive contains `count` open dead letters that match the query. */
  untilArchived(count: number, query: Readonly<Record<string, string>>): Promise<void>;
  request<T>(method: string, path: string, body?: unknown): Promise<T>;
}

interface Groups {
  readonly groups: readonly { readonly count: number }[];
}

/** The name of the client that publishes the failing messages. */
const CLIENT = 'shop';

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
    if (!response.ok) throw new Error(`${method} ${path} was answered with status ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    request,
    publish: (messages) =>
      withPublisher(broker.amqpUrl, async (publisher) => {
        const failed = (await publisher.publishAll(messages, () => 120_000)).find((error) => error !== undefined);
        if (failed) throw failed;
      }),
    async untilArchived(count, query) {
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
        // Each request counts all dead letters, which takes the service's time from archiving.
        200,
      );
      if (found > count)
        throw new Error(`${found} dead letters instead of ${count} match the query ${search.toString()}`);
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

/** Returns an `order.rejected` event that the consumer of the queue `points` processes without an error. */
export const aRejection = (id: string = randomUUID(), change: object = {}, publishedAtMs = Date.now()): Message =>
  eventMessage(
    orderRejected,
    { ...rejection(id), ...change },
    {
      id: id as MessageId,
      appId: CLIENT,
      publishedAtMs,
    },
  );

/** Returns a dead letter of a work queue. The cause of its error has already been fixed, so a redrive succeeds. */
export const aFailure = (
  code: string,
  reason: string,
  message: Message = aRejection(),
  at: string = new Date().toISOString(),
): Message =>
  deadLetterCopy(message, queues.points.deadLetterExchange, {
    id: randomUUID() as MessageId,
    code,
    reason,
    queue: queues.points.name,
    at,
  });

/** Returns a message for a work queue. The default body is not JSON, so that the message is dead-lettered. */
export const aPoison = (
  queue: string,
  body: string | Buffer = 'this is not JSON',
  id: string = randomUUID(),
): Message => ({
  exchange: '',
  routingKey: queue,
  body: Buffer.from(body),
  properties: { messageId: id, contentType: 'application/json', appId: CLIENT, headers: {} },
});

/**
 * Makes 30 messages fail for four reasons: the body is not JSON (12), the body violates the schema of the event (8),
 * the business rule throws an error (5), or another message has the same id (5).
 */
export async function failThirty({ publish, request, untilArchived }: Failing): Promise<void> {
  const twice = Array.from({ length: 5 }, () => randomUUID());
  await publish(twice.map((id) => aRejection(id)));
  await publish([
    ...twice.map((id) => aRejection(id, { total: 400 })),
    ...Array.from({ length: 12 }, (_, index) => aPoison('stock', `{"order": ${index}`)),
    ...Array.from({ length: 8 }, () => aRejection(undefined, { total: 'three euros' })),
  ]);
  await untilArchived(25, { client: CLIENT });
  await request('POST', '/console/dev/fail-next', { queue: queues.points.name, count: 5 * attemptsOf(queues.points) });
  await publish(Array.from({ length: 5 }, () => aRejection()));
  await untilArchived(30, { client: CLIENT });
}

const attemptsOf = ({ delays }: { readonly delays: readonly unknown[] }) => delays.length + 1;

/** Waits until the consumer of a queue has completed a message. */
async function untilCompleted(request: Failing['request'], queue: string, id: string): Promise<void> {
  interface Timeline {
    readonly messages: readonly { readonly consumers: readonly { readonly queue: string; readonly state: string }[] }[];
  }
  await eventually(`the completed message ${id}`, async () => {
    // The service knows the message only after a consumer has received it.
    const timeline = await request<Timeline>('GET', `/messages/${id}`).catch(() => undefined);
    return timeline?.messages[0]?.consumers.some((one) => one.queue === queue && one.state === 'completed');
  });
}

/**
 * Places an order with the signature of a client. Each attempt of the consumer of the queue `stock` fails, and the consumer of
 * the queue `points` completes the message of the order. Returns the id of the order.
 */
export async function anOrderThatFails({ service }: DevEnvironment, { request }: Failing): Promise<string> {
  await request('POST', '/console/dev/fail-next', { queue: queues.stock.name, count: attemptsOf(queues.stock) });
  const body = JSON.stringify({
    customerId: 'ada',
    currency: 'EUR',
    items: [{ sku: 'sold-out', quantity: 1, unitPrice: 300 }],
  });
  const headers = signedHeaders(body, { key: randomUUID() });
  const response = await fetch(`${service.url}/orders`, { method: 'POST', headers, body });
  if (response.status !== 202) throw new Error(`POST /orders: ${response.status} ${await response.text()}`);
  const { orderId } = (await response.json()) as { orderId: string };
  await untilCompleted(request, queues.points.name, orderId);
  return orderId;
}

/**
 * Redrives the dead letter of an order, waits until the order is rejected (the stock is empty), and returns the id of
 * the dead letter.
 */
export async function redriveOrder({ request }: Failing, orderId: string): Promise<string> {
  const query = new URLSearchParams({ status: 'open', text: orderId });
  const deadLetter = await eventually('the dead letter of the order', async () => {
    return (await request<{ deadLetters: ListedDeadLetter[] }>('GET', `/dead-letters?${query.toString()}`))
      .deadLetters[0];
  });
  await request('POST', `/dead-letters/${deadLetter.id}/redrive`, { reason: 'the warehouse answers again' });
  await eventually('the end of the order', async () => {
    const { endedAt } = await request<{ endedAt?: string }>('GET', `/orders/${orderId}/timeline`);
    return endedAt !== undefined;
  });
  return deadLetter.id;
}
