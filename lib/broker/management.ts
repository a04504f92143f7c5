import * as z from 'zod';

import type { Config } from '../config.ts';
import { managementApi } from './management-api.ts';

/** What the broker says of one queue; `undefined` where it has not counted yet, as in a queue's first seconds. */
export interface QueueFigures {
  readonly name: string;
  readonly ready?: number;
  readonly unacknowledged?: number;
  readonly consumers?: number;
  /** Expired or given up, and held until the queue that they go to has room: neither ready nor unacknowledged. */
  readonly handingOn?: number;
  /** Returned by a consumer, and held back until they are delivered again: neither ready nor unacknowledged; before RabbitMQ 4.3 none. */
  readonly delayed?: number;
}

const figures = z.array(
  z.object({
    name: z.string(),
    messages_ready: z.number().optional(),
    messages_unacknowledged: z.number().optional(),
    consumers: z.number().optional(),
    messages_dlx: z.number().optional(),
    messages_delayed: z.number().optional(),
  }),
);

/**
 * The figures of every queue in the broker's virtual host, up to five seconds old, from the management API
 * (https://www.rabbitmq.com/docs/http-api-reference). Throws an error that says why, without the login.
 */
export async function readQueueFigures(
  config: Config & { readonly MANAGEMENT_URL: string },
  timeoutMs: number,
): Promise<QueueFigures[]> {
  const api = managementApi(config, { timeoutMs });
  // Without this, the broker puts every statistic that it has into the answer.
  const columns = 'name,messages_ready,messages_unacknowledged,consumers,messages_dlx,messages_delayed';
  return (await api.get(['queues', api.virtualHost], figures, { columns })).map((queue) => ({
    name: queue.name,
    ready: queue.messages_ready,
    unacknowledged: queue.messages_unacknowledged,
    consumers: queue.consumers,
    handingOn: queue.messages_dlx,
    delayed: queue.messages_delayed,
  }));
}
