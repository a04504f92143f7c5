import * as z from 'zod';

import type { BrokerSettings } from '../settings.ts';
import { managementApi } from './management-api.ts';

/** The message counts of one queue. The counts are undefined for some seconds after the queue was declared. */
export interface QueueFigures {
  readonly name: string;
  readonly ready?: number;
  readonly unacknowledged?: number;
  readonly consumers?: number;
  /**
   * The number of expired or dead-lettered messages that the broker has not yet moved to their next queue. They count
   * neither as ready nor as unacknowledged.
   */
  readonly handingOn?: number;
  /**
   * The number of requeued messages that RabbitMQ 4.3 or later redelivers only after a delay. They count neither as
   * ready nor as unacknowledged.
   */
  readonly delayed?: number;
  /**
   * How many messages of the queue were acknowledged since the broker began to count, also by consumers that no longer
   * exist.
   */
  readonly acknowledged?: number;
}

const counters = z.object({
  ack: z.number().default(0),
  deliver_no_ack: z.number().default(0),
  get_no_ack: z.number().default(0),
});

const NO_ACTIVITY = counters.parse({});

const figures = z.array(
  z.object({
    name: z.string(),
    messages_ready: z.number().optional(),
    messages_unacknowledged: z.number().optional(),
    consumers: z.number().optional(),
    messages_dlx: z.number().optional(),
    messages_delayed: z.number().optional(),
    // RabbitMQ 3 writes an empty list for a queue without any activity since the start of the broker.
    message_stats: counters.or(z.array(z.never()).transform(() => NO_ACTIVITY)).default(NO_ACTIVITY),
  }),
);

/**
 * Reads the message counts of every queue in the broker's virtual host from the management API. The counts may be up to
 * five seconds old.
 */
export async function readQueueFigures(
  settings: BrokerSettings & { readonly MANAGEMENT_URL: string },
  timeoutMs: number,
): Promise<QueueFigures[]> {
  const api = managementApi(settings, { timeoutMs });
  // Without a list of columns, the response contains every statistic of every queue.
  const columns = [
    'name,messages_ready,messages_unacknowledged,consumers,messages_dlx,messages_delayed',
    'message_stats.ack,message_stats.deliver_no_ack,message_stats.get_no_ack',
  ].join();
  return (await api.get(['queues', api.virtualHost], figures, { columns })).map((queue) => ({
    name: queue.name,
    ready: queue.messages_ready,
    unacknowledged: queue.messages_unacknowledged,
    consumers: queue.consumers,
    handingOn: queue.messages_dlx,
    delayed: queue.messages_delayed,
    acknowledged: queue.message_stats.ack + queue.message_stats.deliver_no_ack + queue.message_stats.get_no_ack,
  }));
}

/**
 * The state of one node of the broker. The memory and disk figures are absent if the node is not running or does not
 * report them.
 */
export interface NodeFigures {
  readonly name: string;
  readonly running: boolean;
  /**
   * Whether the node has a memory alarm or a disk alarm. While any node has an alarm, all nodes of the broker block
   * publishers.
   */
  readonly blocksPublishers: boolean;
  readonly memoryUsed?: number;
  readonly memoryLimit?: number;
  readonly diskFree?: number;
  readonly diskFreeLimit?: number;
  /** The number of other nodes that this node cannot reach. */
  readonly partitions: number;
  readonly connections: number;
}

const nodes = z.array(
  z.object({
    name: z.string(),
    running: z.boolean(),
    mem_alarm: z.boolean().default(false),
    mem_used: z.number().optional(),
    mem_limit: z.number().optional(),
    disk_free_alarm: z.boolean().default(false),
    // In the first seconds of a node, the broker reports a string instead of a number.
    disk_free: z.number().optional().catch(undefined),
    disk_free_limit: z.number().optional().catch(undefined),
    partitions: z.array(z.unknown()).default([]),
  }),
);

const connections = z.array(z.object({ node: z.string() }));

/** Reads the state of every node of the broker from the management API. The broker user needs the tag `monitoring`. */
export async function readNodeFigures(
  settings: BrokerSettings & { readonly MANAGEMENT_URL: string },
  timeoutMs: number,
): Promise<NodeFigures[]> {
  const api = managementApi(settings, { timeoutMs });
  const columns = Object.keys(nodes.element.shape).join(',');
  const [known, open] = await Promise.all([
    api.get(['nodes'], nodes, { columns }),
    api.get(['connections'], connections, { columns: 'node' }),
  ]);
  return known.map((node) => ({
    name: node.name,
    running: node.running,
    blocksPublishers: node.mem_alarm || node.disk_free_alarm,
    memoryUsed: node.mem_used,
    memoryLimit: node.mem_limit,
    diskFree: node.disk_free,
    diskFreeLimit: node.disk_free_limit,
    partitions: node.partitions.length,
    connections: open.filter((connection) => connection.node === node.name).length,
  }));
}
