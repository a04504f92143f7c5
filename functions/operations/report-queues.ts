import { deadLetterQueue, queues } from '../../infra/topology.ts';
import { readNodeFigures, readQueueFigures } from '../../lib/rabbitmq/admin/queue-figures.ts';
import { config, readConfig } from '../../lib/runtime/config.ts';
import { describeError } from '../../lib/runtime/errors.ts';
import { log } from '../../lib/runtime/log.ts';
import { count, counts } from '../../lib/runtime/metrics.ts';
import { nodeMetrics } from './node-metrics.ts';
import { queueMetrics } from './queue-metrics.ts';

// Wrong settings fail the start of the function, not its first invocation.
readConfig(process.env);

const PATIENCE_MS = 10_000;

/**
 * Once a minute: how much waits in each queue, and how the worst of the broker's nodes fares, as metrics. Amazon MQ's own
 * metrics do not tell queues apart, and add up the nodes of a cluster.
 */
export async function handler(): Promise<void> {
  const reported = await Promise.all([attempt('queues', reportQueues), attempt('nodes', reportNodes)]);
  count('QueueReportFailed', reported.every(Boolean) ? 0 : 1);
}

async function reportQueues(access: Access): Promise<void> {
  const figures = await readQueueFigures(access, PATIENCE_MS);
  const { metrics, missing } = queueMetrics(Object.values(queues), deadLetterQueue, figures);
  for (const { queue, name, value } of metrics) count(name, value, { queue });
  // So that these have data before the first message is consumed: an alarm compares them with the orders accepted.
  for (const { name: queue } of Object.values(queues)) counts({ Completed: 0, Rejected: 0 }, { queue });
  if (missing.length > 0) throw new Error(`the broker has no figures of ${missing.join(', ')}`);
}

async function reportNodes(access: Access): Promise<void> {
  const nodes = await readNodeFigures(access, PATIENCE_MS);
  const down = nodes.filter(({ running }) => !running).map(({ name }) => name);
  if (down.length > 0) log().warn('broker nodes not running', { nodes: down });
  counts(nodeMetrics(nodes));
}

type Access = Parameters<typeof readQueueFigures>[0];

async function attempt(what: string, report: (access: Access) => Promise<void>): Promise<boolean> {
  try {
    const { MANAGEMENT_URL } = config();
    if (!MANAGEMENT_URL) throw new Error('no management API: set MANAGEMENT_URL');
    await report({ ...config(), MANAGEMENT_URL });
    return true;
  } catch (error) {
    const { code, message: reason } = describeError(error);
    log().error(`${what} not reported`, { code, reason });
    return false;
  }
}
