import { setTimeout as sleep } from 'node:timers/promises';
import { useConnection, useRawFrames, openConnection } from 'surehop/amqp';
import type { RabbitMqEvent } from 'surehop/consumer';

import { eventJson, recordJson, type DeliveredMessage } from 'serverless-offline-rabbitmq/event';

/** The handler of a consumer, as Lambda calls it. */
export type ConsumerHandler<Result> = (
  event: RabbitMqEvent,
  context: { getRemainingTimeInMillis(): number },
) => Promise<Result>;

/** The options for collecting the batch of messages with which a function is invoked. */
export interface DeliveryOptions {
  /** The maximum number of messages in the batch. The default is 100. */
  readonly batchSize?: number;
  /**
   * How long to wait for the first message, in ms. A retried message is in the queue only after the retry delay has
   * passed.
   */
  readonly withinMs?: number;
}

const FUNCTION_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/**
 * Invokes a function with the messages that wait in a queue, as Lambda's event source does. If the function returns, the messages
 * are acknowledged. If the function throws, the messages return to their queue, and the error is thrown.
 */
export async function deliver<Result>(
  { amqpUrl, virtualHost }: { amqpUrl: string; virtualHost: string },
  handler: ConsumerHandler<Result>,
  queue: string,
  { batchSize = 100, withinMs = 10_000 }: DeliveryOptions = {},
): Promise<Result> {
  const connection = await openConnection(amqpUrl);
  return useConnection(connection, async () => {
    useRawFrames(connection);
    const channel = await connection.createChannel();
    const messages: DeliveredMessage[] = [];
    const end = Date.now() + withinMs;
    while (messages.length < batchSize) {
      const message = await channel.get(queue);
      if (message) messages.push(message as unknown as DeliveredMessage);
      else if (messages.length > 0) break;
      else if (Date.now() > end) throw new Error(`no message arrived in the queue ${queue} within ${withinMs} ms`);
      else await sleep(POLL_MS);
    }
    const origin = { eventSourceArn: 'arn:aws:mq:eu-central-1:000000000000:broker:local:b-0', queue, virtualHost };
    const event = JSON.parse(eventJson(origin, messages.map(recordJson))) as RabbitMqEvent;
    const timeoutAt = Date.now() + FUNCTION_TIMEOUT_MS;
    try {
      const result = await handler(event, { getRemainingTimeInMillis: () => timeoutAt - Date.now() });
      channel.ackAll();
      return result;
    } catch (error) {
      channel.nackAll(true);
      throw error;
    } finally {
      // The broker has settled the messages when it has confirmed that the channel is closed.
      await channel.close();
    }
  });
}
