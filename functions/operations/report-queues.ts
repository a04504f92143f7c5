import { describeError, log, recordMetrics } from 'surehop';
import { brokerSettings, readNodeFigures, readQueueFigures } from 'surehop/management';
import { nodeMetrics, queueMetrics } from 'surehop/operations';

import { deadLetterQueue, queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';

const settings = surehop.settings(brokerSettings);

const TIMEOUT_MS = 10_000;

/**
 * Publishes metrics once a minute: the number of messages in each queue, and the state of the broker's worst node. Amazon MQ's
 * own broker metrics are totals over all queues and nodes.
 */
export async function handler(): Promise<void> {
  const reported = await Promise.all([attempt('queues', reportQueues), attempt('nodes', reportNodes)]);
  recordMetrics({ QueueReportFailed: reported.every(Boolean) ? 0 : 1 });
}

async function reportQueues(access: Access): Promise<void> {
  const figures = await readQueueFigures(access, TIMEOUT_MS);
  const { metrics, missing } = queueMetrics(Object.values(queues), deadLetterQueue, figures);
  for (const { queue, values } of metrics) recordMetrics(values, { queue });
  // Alarms can compare these counts with other metrics, so they need data before the first message is consumed.
  for (const { name: queue } of Object.values(queues)) recordMetrics({ Completed: 0, Rejected: 0 }, { queue });
  if (missing.length > 0) throw new Error(`the broker has no figures of ${missing.join(', ')}`);
}

async function reportNodes(access: Access): Promise<void> {
  const nodes = await readNodeFigures(access, TIMEOUT_MS);
  const down = nodes.filter(({ running }) => !running).map(({ name }) => name);
  if (down.length > 0) log().warn('broker nodes not running', { nodes: down });
  recordMetrics(nodeMetrics(nodes));
}

type Access = Parameters<typeof readQueueFigures>[0];

async function attempt(subject: string, report: (access: Access) => Promise<void>): Promise<boolean> {
  try {
    const { MANAGEMENT_URL } = settings;
    if (!MANAGEMENT_URL) throw new Error('the URL of the management API is not set: set MANAGEMENT_URL');
    await report({ ...settings, MANAGEMENT_URL });
    return true;
  } catch (error) {
    const { code, message } = describeError(error);
    log().error(`${subject} not reported`, { reason: code, error: message });
    return false;
  }
}
